//! A key that checks signatures, for one algorithm.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::{hmac, signature};
use serde::Deserialize;

use super::settings::{Algorithm, Secret};

/// A key with the one algorithm that it is for: a token that names another is not checked with it.
pub(super) struct Key {
    pub(super) id: Option<String>,
    pub(super) algorithm: Algorithm,
    material: Material,
}

enum Material {
    Hmac(hmac::Key),
    Rsa { parameters: &'static signature::RsaParameters, modulus: Vec<u8>, exponent: Vec<u8> },
    Point { algorithm: &'static dyn signature::VerificationAlgorithm, bytes: Vec<u8> },
}

/// A JSON Web Key (RFC 7517) as far as it is read.
#[derive(Deserialize)]
pub(super) struct WebKey {
    pub(super) kid: Option<String>,
    kty: String,
    alg: Option<String>,
    r#use: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    k: Option<String>,
}

const RSA_BITS_MIN: usize = 2048;

impl Key {
    pub(super) fn of_secret(secret: &Secret, algorithm: Algorithm) -> Option<Key> {
        let algorithm_of_ring = hmac_algorithm(algorithm)?;
        let material = Material::Hmac(hmac::Key::new(algorithm_of_ring, secret.bytes()));
        Some(Key { id: None, algorithm, material })
    }

    /// The reason says why a key is not used.
    pub(super) fn of_web_key(key: WebKey) -> Result<Key, String> {
        if key.r#use.as_deref().is_some_and(|purpose| purpose != "sig") {
            return Err("it is not for signatures".to_owned());
        }
        if key.key_ops.as_ref().is_some_and(|operations| !operations.iter().any(|name| name == "verify")) {
            return Err("it is not for checking signatures".to_owned());
        }
        let algorithm = algorithm_of(&key)?;
        let material = match algorithm {
            Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => {
                let bytes = decoded(key.k.as_deref(), "k")?;
                if bytes.len() < Secret::BYTES_MIN {
                    return Err(format!("it is shorter than {} bytes", Secret::BYTES_MIN));
                }
                let algorithm = hmac_algorithm(algorithm).ok_or("it is of no known kind")?;
                Material::Hmac(hmac::Key::new(algorithm, &bytes))
            }
            Algorithm::Es256 | Algorithm::Es384 => point(algorithm, &key)?,
            Algorithm::EdDsa => {
                Material::Point { algorithm: &signature::ED25519, bytes: sized(key.x.as_deref(), "x", 32)? }
            }
            _ => rsa(algorithm, &key)?,
        };
        Ok(Key { id: key.kid, algorithm, material })
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified = match &self.material {
            Material::Hmac(key) => hmac::verify(key, message, signature),
            Material::Rsa { parameters, modulus, exponent } => {
                signature::RsaPublicKeyComponents { n: modulus, e: exponent }
                    .verify(parameters, message, signature)
            }
            Material::Point { algorithm, bytes } => {
                signature::UnparsedPublicKey::new(*algorithm, bytes).verify(message, signature)
            }
        };
        verified.is_ok()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Key").field("id", &self.id).field("algorithm", &self.algorithm).finish()
    }
}

/// The algorithm that the key names, or the one for keys of its kind.
fn algorithm_of(key: &WebKey) -> Result<Algorithm, String> {
    let (allowed, default): (&[Algorithm], _) = match (key.kty.as_str(), key.crv.as_deref()) {
        ("oct", _) => (&[Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512], None),
        ("RSA", _) => (
            &[
                Algorithm::Rs256,
                Algorithm::Rs384,
                Algorithm::Rs512,
                Algorithm::Ps256,
                Algorithm::Ps384,
                Algorithm::Ps512,
            ],
            Some(Algorithm::Rs256),
        ),
        ("EC", Some("P-256")) => (&[Algorithm::Es256], Some(Algorithm::Es256)),
        ("EC", Some("P-384")) => (&[Algorithm::Es384], Some(Algorithm::Es384)),
        ("OKP", Some("Ed25519")) => (&[Algorithm::EdDsa], Some(Algorithm::EdDsa)),
        _ => return Err("it is of no known kind".to_owned()),
    };
    let named = match key.alg.as_deref() {
        // RFC 9864 gives EdDSA with Ed25519 this name.
        Some("Ed25519") => Some(Algorithm::EdDsa),
        Some(name) => Some(Algorithm::from_name(name).ok_or("its algorithm is unknown")?),
        None => default,
    };
    let algorithm = named.ok_or("it names no algorithm")?;
    match allowed.contains(&algorithm) {
        true => Ok(algorithm),
        false => Err("its algorithm is not one for keys of its kind".to_owned()),
    }
}

fn hmac_algorithm(algorithm: Algorithm) -> Option<hmac::Algorithm> {
    match algorithm {
        Algorithm::Hs256 => Some(hmac::HMAC_SHA256),
        Algorithm::Hs384 => Some(hmac::HMAC_SHA384),
        Algorithm::Hs512 => Some(hmac::HMAC_SHA512),
        _ => None,
    }
}

fn rsa(algorithm: Algorithm, key: &WebKey) -> Result<Material, String> {
    let parameters = match algorithm {
        Algorithm::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        Algorithm::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        Algorithm::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        Algorithm::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
        Algorithm::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
        Algorithm::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
        _ => return Err("it is of no known kind".to_owned()),
    };
    let modulus = without_leading_zeros(decoded(key.n.as_deref(), "n")?);
    let exponent = without_leading_zeros(decoded(key.e.as_deref(), "e")?);
    if modulus.len() * 8 < RSA_BITS_MIN {
        return Err(format!("it is shorter than {RSA_BITS_MIN} bits"));
    }
    Ok(Material::Rsa { parameters, modulus, exponent })
}

/// An uncompressed point, as ring takes it.
fn point(algorithm: Algorithm, key: &WebKey) -> Result<Material, String> {
    let (algorithm, length): (&'static dyn signature::VerificationAlgorithm, _) = match algorithm {
        Algorithm::Es256 => (&signature::ECDSA_P256_SHA256_FIXED, 32),
        _ => (&signature::ECDSA_P384_SHA384_FIXED, 48),
    };
    let mut bytes = vec![4];
    bytes.extend(sized(key.x.as_deref(), "x", length)?);
    bytes.extend(sized(key.y.as_deref(), "y", length)?);
    Ok(Material::Point { algorithm, bytes })
}

fn decoded(text: Option<&str>, member: &str) -> Result<Vec<u8>, String> {
    let text = text.ok_or_else(|| format!("it has no {member}"))?;
    URL_SAFE_NO_PAD.decode(text).map_err(|_| format!("its {member} is not base64url"))
}

fn sized(text: Option<&str>, member: &str, length: usize) -> Result<Vec<u8>, String> {
    let bytes = decoded(text, member)?;
    match bytes.len() == length {
        true => Ok(bytes),
        false => Err(format!("its {member} is not of {length} bytes")),
    }
}

fn without_leading_zeros(bytes: Vec<u8>) -> Vec<u8> {
    bytes.into_iter().skip_while(|&byte| byte == 0).collect()
}
