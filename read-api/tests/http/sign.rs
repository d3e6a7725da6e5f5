//! Tokens, signed with keys that are made for these tests.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair};
use ring::{hmac, rsa};
use serde_json::{Value, json};

pub(crate) const SECRET: &str = "a secret of these tests that nobody could guess in a lifetime";

/// An RSA key takes long to make. This one signs nothing but these tests.
const RSA: &str = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC3wPhzyJE6ptj0i+7/ghZHCyKSN3sQkoXzAM063V36zd1vQQtC\
    D+2/fM3Dr8/0lPLZX8w7b9C8NzTZvaZVb+Nlqo5JEvsa00nvmop3IrgoWWHRAkyHxD/g2KpNuOZdVC6QO3yJuU93W8gh99/cS2VW\
    dpfV8vXJv8aeTet4IrOlD1/k+b0J4pe4CyflrhnmbX5CfWK8nUDsRwgqPHPJbzJWHt7XuTwd0U695Pg/ggsxwBQVsqF4VfWr87fq\
    IhqDU2jTDQ3IptxOEkja2cM9kNIMZY9Pap+ee0qFsKKOUJ8Cb1TTQXC4p6TaGGcOq3Br3HxsR0zGbCbwtMVFL9CWnUDlAgMBAAEC\
    ggEADI2rG5Pb8hcUcs59hyiet39H/xe5uVXdP07ydl9JrJj0VAWsTHjUm/SdhQ0lhpbHaXjNNdFLgBRAcNCvRJ52eUtX2Z+plnlR\
    T4RuCboOPTlwAIyo6EyMtaJvrgwf9sfJv5JEzY7ioiubxlBOE5l2BJxo/pWQ25XVrppxp/0s6y1+UG88km+wqjcUV+b1QQuEuXcV\
    xqq66i+4KbTfXSh7nGjBVhYpEl+wu2/Bd2gzB+quOoZfiWS6+IKJ2g6gKbdJI/dXftfBSJQPwmxfnlZ2ButHi+G6PrKNOOSYWBTQ\
    smBAw7/PqMmzywH6ykI6QzBTFAEO2yGTu8kWx9XJmZ8qaQKBgQDfjr3aPbdXsaV9Dds5a0dnG5xkI87dIxwjihsJCGbTG140MDxg\
    o6gtc9tVMYb12WEZj17UxYpPUndLTUj+7kcuJFs/jEFeTdBbclVVORhjYV68Mu8POYvqKnOeqNjSz/PraAsRh7+DAdhWqixZi+Iu\
    pAytCdYDGvWv/gNle9By7QKBgQDSa4BQMppBXBtycCSTQxWi6PdPCCjw0ewidBKpO8YhVy19pmMh6yEa0iLbox65HEshKk7SVFnQ\
    9kR4IOqI0MI/yRGjV4cBa3X0TJBgp4JCpdz1RBAP7xpZp8u3xKOCMq9g5i78n/fzmrYP8znU0yo3zpi34i9QK4YEB2bi9HJu2QKB\
    gQC8ZFHhZDjpEa9f3xlrHdiiL0ZvrS1adYf0+yElT4s3Q8zzNeLrnX7QLt4awQ32iCWnoIZNz9pqVhhpwMtO6gXaAJFU0CEWE4UO\
    Sx9WHjNLLHblKhcDQX+C6htdDPULUms/agJJ15ewExH4lpehLpyAqYZ1G+DZ5RI+KVU7ZEeZUQKBgBrbh9Q0sUW4aPRxZem5/U/+\
    5lobE4axdK9tG1iofYCR7QeFrk+NAHu46KQaLPi5qMlB6i+kfpZSaKjgoq713mVf17V+nYfL3JFjGGaN2u2A2DQiDN7LyRQ6e6Eo\
    IyqiJ4p5tvOdw3s/ew+MHwyQK2pWH14RK7LS61cmTraXNuf5AoGABp+5lAOC1G0XCUhvR0Vz4eYU7OLe49I1YoWRQQ7ldzbqY03O\
    IfH2QrSwkHO/3H/btzUq1hukhKvoW/tVFvQVfjD2iMfLHBqiBS7NfFnGF88m6EbDZKPpghCI7WgxJ/ov7IXoebIxsnfp6JrL6Vgz\
    VsS7mcUCUTs0ybgKe4DbkxY=";

pub(crate) enum Signer {
    Hmac(hmac::Algorithm, Vec<u8>),
    Rsa(Box<RsaKeyPair>, &'static dyn signature::RsaEncoding),
    Ecdsa(EcdsaKeyPair, &'static str),
    Ed25519(Ed25519KeyPair),
}

impl Signer {
    pub(crate) fn secret() -> Signer {
        Signer::Hmac(hmac::HMAC_SHA256, SECRET.into())
    }

    pub(crate) fn rsa(padding: &'static dyn signature::RsaEncoding) -> Signer {
        let pkcs8 = STANDARD.decode(RSA).unwrap();
        Signer::Rsa(Box::new(RsaKeyPair::from_pkcs8(&pkcs8).unwrap()), padding)
    }

    pub(crate) fn p256() -> Signer {
        Signer::ecdsa(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, "P-256")
    }

    pub(crate) fn p384() -> Signer {
        Signer::ecdsa(&signature::ECDSA_P384_SHA384_FIXED_SIGNING, "P-384")
    }

    fn ecdsa(algorithm: &'static signature::EcdsaSigningAlgorithm, curve: &'static str) -> Signer {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        Signer::Ecdsa(EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap(), curve)
    }

    pub(crate) fn ed25519() -> Signer {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Signer::Ed25519(Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap())
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Signer::Hmac(algorithm, secret) => {
                hmac::sign(&hmac::Key::new(*algorithm, secret), message).as_ref().to_vec()
            }
            Signer::Rsa(key, padding) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(*padding, &random, message, &mut signature).unwrap();
                signature
            }
            Signer::Ecdsa(key, _) => key.sign(&random, message).unwrap().as_ref().to_vec(),
            Signer::Ed25519(key) => key.sign(message).as_ref().to_vec(),
        }
    }

    /// The public key as a JSON Web Key of this name.
    pub(crate) fn web_key(&self, id: &str, algorithm: Option<&str>) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut key = match self {
            Signer::Hmac(_, secret) => json!({ "kty": "oct", "k": text(secret) }),
            Signer::Rsa(key, _) => {
                let public: rsa::PublicKeyComponents<Vec<u8>> = key.public().into();
                json!({ "kty": "RSA", "n": text(&public.n), "e": text(&public.e) })
            }
            Signer::Ecdsa(key, curve) => {
                let point = &key.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                json!({ "kty": "EC", "crv": curve, "x": text(x), "y": text(y) })
            }
            Signer::Ed25519(key) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": text(key.public_key().as_ref()) })
            }
        };
        key["kid"] = id.into();
        key["alg"] = algorithm.into();
        key
    }

    pub(crate) fn token(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }
}

/// A token by the shared secret, as the value of `Authorization`.
pub(crate) fn bearer(claims: &Value) -> String {
    format!("Bearer {}", Signer::secret().token(&json!({ "alg": "HS256", "typ": "JWT" }), claims))
}
