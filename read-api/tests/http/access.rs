//! Who may see what: tokens, keys, roles and endpoints, from outside.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prejoin_model::Type;
use prejoin_read_api::{Algorithm, ApiSettings, AuthSettings, Endpoint, KeySetSource, Role, Secret};
use ring::{hmac, signature};
use serde_json::{Value, json};

use crate::api::{Answer, Server};
use crate::sign::{SECRET, Signer, bearer};
use crate::store::TestStore;

const MARKER: &str = "only-for-those-who-may-see-it";

async fn store_in(directory: &tempfile::TempDir) -> TestStore {
    let mut store = TestStore::create(&directory.path().join("views.sqlite")).await;
    for view in ["orders", "orders_of_staff", "products"] {
        store.publish(view, &[("id", Type::Text)], "{\"orders\":1}", &[&[Some(MARKER)]]).await;
    }
    store
}

/// Who has no token sees products; `customer` sees orders too; `staff` sees everything.
fn settings() -> AuthSettings {
    let role = |views: &[&str], endpoints: &[Endpoint]| Role {
        views: views.iter().map(|view| (*view).to_owned()).collect(),
        endpoints: endpoints.iter().copied().collect(),
        all_tenants: false,
    };
    let mut auth = AuthSettings::new();
    auth.secret = Some((Secret::new(SECRET), Algorithm::Hs256));
    auth.anonymous_role = Some("anon".to_owned());
    auth.roles.insert("anon".to_owned(), role(&["products"], &[]));
    auth.roles.insert("customer".to_owned(), role(&["products", "orders"], &[]));
    auth.roles.insert("staff".to_owned(), role(&["*"], &Endpoint::ALL));
    auth
}

async fn serve(store: &TestStore, auth: AuthSettings) -> Server {
    Server::start_with(&store.path, ApiSettings { auth: Some(auth), ..ApiSettings::default() }).await
}

async fn ask(server: &Server, path: &str, authorization: &str) -> Answer {
    match authorization {
        "" => server.get(path).await,
        _ => server.request("GET", path, &[("authorization", authorization)]).await,
    }
}

fn told(answer: &Answer) -> (u16, String, String) {
    let body = answer.json();
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    (answer.status, text("code"), text("message"))
}

fn seconds_from_now(seconds: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    i64::try_from(now).unwrap() + seconds
}

#[tokio::test]
async fn a_role_sees_its_views_and_hears_of_no_others() {
    let directory = tempfile::tempdir().unwrap();
    let store = store_in(&directory).await;
    let server = serve(&store, settings()).await;
    let customer = bearer(&json!({ "role": "customer" }));
    let staff = bearer(&json!({ "role": "staff", "exp": seconds_from_now(60) }));
    let listed = async |authorization: &str| {
        let views = ask(&server, "/rest/v1/", authorization).await.json();
        let names = views.as_array().unwrap().iter().map(|view| view["name"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(listed("").await, "products");
    assert_eq!(listed(&customer).await, "orders products");
    assert_eq!(listed(&staff).await, "orders orders_of_staff products");
    for authorization in ["", customer.as_str(), staff.as_str()] {
        assert_eq!(ask(&server, "/rest/v1/products", authorization).await.status, 200);
    }
    let refused = ask(&server, "/rest/v1/orders", "").await;
    assert_eq!(told(&refused), (401, "42501".into(), "permission denied for view orders".into()));
    assert_eq!(refused.header("www-authenticate"), "Bearer");
    // Whether it is there is not told either.
    for view in ["orders_of_staff", "orders_of_staf", "nothing"] {
        let refused = ask(&server, &format!("/rest/v1/{view}?select=nonsense)"), &customer).await;
        assert_eq!(told(&refused), (403, "42501".into(), format!("permission denied for view {view}")));
        assert_eq!(refused.json()["hint"], Value::Null);
        assert_eq!(refused.header("prejoin-position"), "(absent)");
    }
    let hint = ask(&server, "/rest/v1/order", &staff).await;
    assert_eq!(
        (hint.status, hint.json()["hint"].as_str()),
        (404, Some("Perhaps you meant the table 'public.orders'"))
    );
    let unknown_role = bearer(&json!({ "role": "admin" }));
    assert_eq!(ask(&server, "/rest/v1/products", &unknown_role).await.status, 403);
    server.stop().await;
}

#[tokio::test]
async fn what_shows_more_than_views_needs_a_grant_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let store = store_in(&directory).await;
    let server = serve(&store, settings()).await;
    let customer = bearer(&json!({ "role": "customer" }));
    let staff = bearer(&json!({ "role": "staff" }));
    for path in ["/", "/status", "/metrics", "/compose/orders/1"] {
        assert_eq!(ask(&server, path, "").await.status, 401, "{path}");
        let refused = ask(&server, path, &customer).await;
        assert_eq!((refused.status, told(&refused).1.as_str()), (403, "42501"), "{path}");
        assert!(![401, 403].contains(&ask(&server, path, &staff).await.status), "{path}");
    }
    // A browser asks for the token as a password.
    let page = server.request("GET", "/", &[("accept", "text/html,*/*")]).await;
    let schemes: Vec<_> = page.headers.get_all("www-authenticate").iter().collect();
    assert_eq!((page.status, schemes.len()), (401, 2), "{schemes:?}");
    let token = staff.strip_prefix("Bearer ").unwrap();
    let basic = format!("Basic {}", STANDARD.encode(format!("me:{token}")));
    assert_eq!(ask(&server, "/", &basic).await.status, 200);
    // Whoever watches the process may, and learns no names.
    let ready = ask(&server, "/readyz", "").await;
    assert_eq!((ready.status, ready.json()), (503, json!({ "ready": false, "reasons": [] })));
    server.stop().await;
}

#[tokio::test]
async fn a_token_that_does_not_hold_is_refused_as_postgrest_refuses_it() {
    let directory = tempfile::tempdir().unwrap();
    let store = store_in(&directory).await;
    let auth = AuthSettings {
        audience: Some("prejoin".to_owned()),
        issuer: Some("https://login.example/".to_owned()),
        leeway: Duration::from_secs(30),
        anonymous_role: None,
        ..settings()
    };
    let server = serve(&store, auth).await;
    let good = json!({ "role": "customer", "aud": ["x", "prejoin"], "iss": "https://login.example/" });
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        bearer(&claims)
    };
    let accepted = [
        with("exp", json!(seconds_from_now(-10))),
        with("exp", json!(1e300)),
        with("nbf", json!(seconds_from_now(10))),
        with("iat", json!(seconds_from_now(10))),
        with("aud", json!("prejoin")),
        with("role", json!("customer")).replace("Bearer", "bearer"),
    ];
    for authorization in accepted {
        assert_eq!(ask(&server, "/rest/v1/orders", &authorization).await.status, 200, "{authorization}");
    }
    let claims = [
        (with("exp", json!(seconds_from_now(-60))), "JWT expired"),
        (with("exp", json!(-1)), "JWT expired"),
        (with("exp", json!("9999999999")), "The JWT 'exp' claim must be a number"),
        (with("nbf", json!(seconds_from_now(60))), "JWT not yet valid"),
        (with("nbf", json!([])), "The JWT 'nbf' claim must be a number"),
        (with("iat", json!(seconds_from_now(60))), "JWT issued at future"),
        (with("iat", json!(true)), "The JWT 'iat' claim must be a number"),
        (with("aud", json!("other")), "JWT not in audience"),
        (with("aud", Value::Null), "JWT not in audience"),
        (with("aud", json!([1])), "The JWT 'aud' claim must be a string or an array of strings"),
        (with("iss", json!("https://evil.example/")), "JWT issuer is not accepted"),
        (with("role", json!(["customer"])), "The JWT role claim must be a string"),
    ];
    for (authorization, message) in claims {
        let refused = ask(&server, "/rest/v1/orders", &authorization).await;
        assert_eq!(told(&refused), (401, "PGRST303".into(), message.into()));
        let challenge = format!("Bearer error=\"invalid_token\", error_description=\"{message}\"");
        assert_eq!(refused.header("www-authenticate"), challenge);
    }
    let none = ask(&server, "/rest/v1/orders", "").await;
    assert_eq!(told(&none), (401, "PGRST302".into(), "Anonymous access is disabled".into()));
    let no_role = ask(&server, "/rest/v1/orders", &with("role", Value::Null)).await;
    assert_eq!(told(&no_role).1, "PGRST302");
    let unsuitable = "No suitable key or wrong key type";
    let unsigned = Signer::Hmac(hmac::HMAC_SHA256, vec![0; 32]).token(&json!({ "alg": "none" }), &good);
    let other = |signer: Signer, header: Value| format!("Bearer {}", signer.token(&header, &good));
    let tokens = [
        ("Bearer".to_owned(), "Empty JWT is sent in Authorization header"),
        ("Bearer a.b".to_owned(), "Expected 3 parts in JWT; got 2"),
        ("Bearer a.b.c.d".to_owned(), "Expected 3 parts in JWT; got 4"),
        ("Bearer a.b.c".to_owned(), "JWT couldn't be decoded"),
        ("Basic !".to_owned(), "JWT couldn't be decoded"),
        (format!("Bearer {unsigned}"), "Wrong or unsupported encoding algorithm"),
        (
            other(Signer::secret(), json!({ "alg": "HS256", "crit": ["x"] })),
            "Wrong or unsupported encoding algorithm",
        ),
        (other(Signer::secret(), json!({ "alg": "HS256", "typ": "JWE" })), "Unsupported token type"),
        (other(Signer::secret(), json!({ "alg": "HS512" })), unsuitable),
        (other(Signer::Hmac(hmac::HMAC_SHA256, vec![7; 32]), json!({ "alg": "HS256" })), unsuitable),
        (other(Signer::rsa(&signature::RSA_PKCS1_SHA256), json!({ "alg": "RS256" })), unsuitable),
    ];
    for (authorization, message) in tokens {
        let refused = ask(&server, "/rest/v1/orders", &authorization).await;
        assert_eq!(told(&refused), (401, "PGRST301".into(), message.into()), "{authorization}");
    }
    // A claim that was changed after it was signed.
    let signed = with("role", json!("customer"));
    let forged = with("role", json!("staff"));
    let parts: Vec<_> = signed.split('.').zip(forged.split('.')).collect();
    let mixed = format!("{}.{}.{}", parts[0].0, parts[1].1, parts[2].0);
    assert_eq!(told(&ask(&server, "/rest/v1/orders", &mixed).await).2, unsuitable);
    server.stop().await;
}

#[tokio::test]
async fn every_kind_of_key_checks_its_own_algorithm_and_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let store = store_in(&directory).await;
    let hmac_secret = vec![9_u8; 64];
    let signers = [
        ("RS256", Signer::rsa(&signature::RSA_PKCS1_SHA256)),
        ("RS384", Signer::rsa(&signature::RSA_PKCS1_SHA384)),
        ("RS512", Signer::rsa(&signature::RSA_PKCS1_SHA512)),
        ("PS256", Signer::rsa(&signature::RSA_PSS_SHA256)),
        ("PS384", Signer::rsa(&signature::RSA_PSS_SHA384)),
        ("PS512", Signer::rsa(&signature::RSA_PSS_SHA512)),
        ("ES256", Signer::p256()),
        ("ES384", Signer::p384()),
        ("EdDSA", Signer::ed25519()),
        ("HS384", Signer::Hmac(hmac::HMAC_SHA384, hmac_secret.clone())),
        ("HS512", Signer::Hmac(hmac::HMAC_SHA512, hmac_secret)),
    ];
    let keys: Vec<_> = signers.iter().map(|(name, signer)| signer.web_key(name, Some(name))).collect();
    let file = directory.path().join("keys.json");
    std::fs::write(&file, json!({ "keys": keys }).to_string()).unwrap();
    let auth = AuthSettings { secret: None, key_set: Some(KeySetSource::File(file)), ..settings() };
    let server = serve(&store, auth).await;
    let claims = json!({ "role": "customer" });
    for (name, signer) in &signers {
        for header in [json!({ "alg": name, "kid": name }), json!({ "alg": name })] {
            let authorization = format!("Bearer {}", signer.token(&header, &claims));
            let answer = ask(&server, "/rest/v1/orders", &authorization).await;
            assert_eq!(answer.status, 200, "{header}: {}", answer.body);
        }
        for (other, _) in signers.iter().filter(|(other, _)| other != name) {
            let header = json!({ "alg": name, "kid": other });
            let authorization = format!("Bearer {}", signer.token(&header, &claims));
            let answer = ask(&server, "/rest/v1/orders", &authorization).await;
            assert_eq!((answer.status, told(&answer).1.as_str()), (401, "PGRST301"), "{header}");
        }
    }
    // The classic: a public key taken for a secret.
    let public = signers[0].1.web_key("RS256", None)["n"].as_str().unwrap().as_bytes().to_vec();
    let confused = Signer::Hmac(hmac::HMAC_SHA256, public);
    for header in [json!({ "alg": "HS256", "kid": "RS256" }), json!({ "alg": "HS256" })] {
        let authorization = format!("Bearer {}", confused.token(&header, &claims));
        assert_eq!(ask(&server, "/rest/v1/orders", &authorization).await.status, 401);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_token_without_a_key_to_check_it_is_not_believed() {
    let directory = tempfile::tempdir().unwrap();
    let store = store_in(&directory).await;
    let customer = bearer(&json!({ "role": "customer" }));
    let server = serve(&store, AuthSettings { secret: None, ..settings() }).await;
    assert_eq!(ask(&server, "/rest/v1/products", "").await.status, 200);
    let refused = ask(&server, "/rest/v1/orders", &customer).await;
    assert_eq!(told(&refused), (500, "PGRST300".into(), "Server lacks JWT secret".into()));
    server.stop().await;
    let missing = KeySetSource::File(directory.path().join("not there"));
    let server = serve(&store, AuthSettings { secret: None, key_set: Some(missing), ..settings() }).await;
    let refused = ask(&server, "/rest/v1/orders", &customer).await;
    assert_eq!((refused.status, told(&refused).1.as_str()), (503, "PGRST300"));
    assert!(!refused.body.contains("not there"), "{}", refused.body);
    server.stop().await;
    // Where nothing is guarded, what clients send from habit does no harm.
    let server = Server::start(&store.path).await;
    assert_eq!(ask(&server, "/rest/v1/orders", "Bearer anything").await.status, 200);
    server.stop().await;
}

#[test]
fn settings_that_cannot_be_meant_are_refused() {
    let refused = |auth: AuthSettings| {
        let settings = ApiSettings { auth: Some(auth), ..ApiSettings::default() };
        let api = prejoin_read_api::ReadApi::open(std::path::PathBuf::from("nowhere"));
        api.with_settings(settings).err().unwrap_or_default()
    };
    assert_eq!(refused(settings()), "");
    let secret = |bytes: &str, algorithm| Some((Secret::new(bytes), algorithm));
    let short = refused(AuthSettings { secret: secret("short", Algorithm::Hs256), ..settings() });
    assert!(short.contains("32 bytes") && !short.contains("short\""), "{short}");
    assert_ne!(refused(AuthSettings { secret: secret(SECRET, Algorithm::Rs256), ..settings() }), "");
    assert_ne!(refused(AuthSettings { anonymous_role: Some("nobody".to_owned()), ..settings() }), "");
    assert_ne!(refused(AuthSettings::new()), "");
    let ftp = KeySetSource::Url("ftp://keys.example/".to_owned());
    assert_ne!(refused(AuthSettings { key_set: Some(ftp), ..settings() }), "");
}
