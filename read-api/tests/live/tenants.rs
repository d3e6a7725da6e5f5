//! Streams, tags and waits tell a tenant nothing of others, in both stores.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prejoin_read_api::{Algorithm, ApiSettings, AuthSettings, Role, Secret, TenantRule};
use ring::hmac;
use serde_json::{Value, json};

use crate::stage::{Chance, Server, VIEW, Writer, header};
use crate::stores::{Place, on_every_store};

on_every_store!(a_stream_shows_a_tenant_its_own_rows, a_tag_is_of_one_tenant, a_stream_ends_with_its_token);

const SECRET: &str = "a secret of these tests that nobody could guess in a lifetime";
const SEED: u64 = 7;

fn settings() -> ApiSettings {
    let mut auth = AuthSettings::new();
    auth.secret = Some((Secret::new(SECRET), Algorithm::Hs256));
    auth.leeway = Duration::ZERO;
    auth.roles.insert("owner".to_owned(), Role { views: ["*".to_owned()].into(), ..Role::default() });
    let rule = TenantRule { column: "owner".to_owned(), claim: "owner".to_owned() };
    auth.tenants.insert(VIEW.to_owned(), rule);
    ApiSettings { auth: Some(auth), ..ApiSettings::default() }
}

fn token(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&json!({ "alg": "HS256" })), part(claims));
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&key, signed.as_bytes()));
    format!("Bearer {signed}.{signature}")
}

fn of(owner: &str) -> String {
    token(&json!({ "role": "owner", "owner": owner }))
}

/// A note whose text and data say whose it is. Notes change hands.
fn set(writer: &mut Writer, chance: &mut Chance) {
    let owner = ["a", "b", "c"][chance.below(3)];
    let id = format!("n{}", chance.below(20));
    let secret = format!("secret-{owner}-{}", chance.below(1_000));
    writer.set(
        &id,
        json!({ "owner": owner, "size": chance.below(10), "text": secret, "extra": { "s": secret } }),
    );
}

/// Everything that a stream says until it says `last`, or ends.
async fn told(mut stream: reqwest::Response, last: &str) -> String {
    let mut text = String::new();
    while !text.contains(last) {
        match stream.chunk().await.unwrap() {
            Some(chunk) => text.push_str(std::str::from_utf8(&chunk).unwrap()),
            None => break,
        }
    }
    text
}

async fn a_stream_shows_a_tenant_its_own_rows(at: Place) {
    let place = Arc::new(at);
    let mut writer = Writer::new(Arc::clone(&place)).await;
    let server = Server::start(&place, settings()).await;
    let mut chance = Chance(SEED);
    (0..30).for_each(|_| set(&mut writer, &mut chance));
    writer.commit().await;
    let mut streams = Vec::new();
    for (tenant, query) in [("a", ""), ("a", "owner=eq.b"), ("a", "or=(owner.eq.b,size.gte.0)"), ("b", "")] {
        let path = format!("/live/v1/{VIEW}?{query}");
        let stream = server.get(&path, &[("authorization", &of(tenant))]).await;
        assert_eq!(stream.status(), 200, "{query}");
        // What asks for others' rows only sees nothing at all: its end is the end of the server.
        streams.push((tenant, query, tokio::spawn(told(stream, "the last of all"))));
    }
    for _ in 0..60 {
        for _ in 0..=chance.below(3) {
            set(&mut writer, &mut chance);
        }
        if chance.below(4) == 0 {
            writer.remove(&format!("n{}", chance.below(20)));
        }
        if chance.below(10) == 0 {
            writer.rebuild().await;
        }
        writer.commit().await;
    }
    for tenant in ["a", "b"] {
        writer
            .set(&format!("last-{tenant}"), json!({ "owner": tenant, "size": 1, "text": "the last of all" }));
    }
    writer.commit().await;
    let mut of_nobody = None;
    for (tenant, query, stream) in streams {
        if query == "owner=eq.b" {
            of_nobody = Some(stream);
            continue;
        }
        let text = stream.await.unwrap();
        let own = format!("secret-{tenant}-");
        assert!(text.matches(&own).count() > 20, "{tenant} {query}: {text}");
        assert_eq!(text.matches(&own).count(), text.matches("secret-").count(), "{tenant} {query}: {text}");
    }
    server.stop().await;
    let text = of_nobody.unwrap().await.unwrap();
    assert!(!text.contains("secret-") && text.contains("event: begin"), "{text}");
}

async fn a_tag_is_of_one_tenant(at: Place) {
    let place = Arc::new(at);
    let mut writer = Writer::new(Arc::clone(&place)).await;
    writer.set("n1", json!({ "owner": "a", "text": "x" }));
    writer.commit().await;
    let server = Server::start(&place, settings()).await;
    let path = format!("/rest/v1/{VIEW}");
    let ask = async |tenant: &str, tag: &str| {
        server.get(&path, &[("authorization", &of(tenant)), ("if-none-match", tag)]).await
    };
    let first = ask("a", "\"none\"").await;
    let tag = header(&first, "etag").to_owned();
    assert_eq!(ask("a", &tag).await.status(), 304);
    let of_another = ask("b", &tag).await;
    assert_eq!(of_another.status(), 200);
    assert_ne!(header(&of_another, "etag"), tag);
    assert_eq!(of_another.text().await.unwrap(), "[]");
    // Who may not see the view does not wait for it, and does not learn its position.
    let stranger = token(&json!({ "role": "stranger" }));
    let headers =
        [("authorization", stranger.as_str()), ("prejoin-wait-for", "notes=99"), ("prefer", "wait=1")];
    for path in [path.clone(), format!("/live/v1/{VIEW}")] {
        let refused = server.get(&path, &headers).await;
        assert_eq!((refused.status().as_u16(), header(&refused, "prejoin-position")), (403, "(absent)"));
    }
    server.stop().await;
}

async fn a_stream_ends_with_its_token(at: Place) {
    let place = Arc::new(at);
    let mut writer = Writer::new(Arc::clone(&place)).await;
    writer.set("n1", json!({ "owner": "a", "text": "x" }));
    writer.commit().await;
    let server = Server::start(&place, settings()).await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let short = token(&json!({ "role": "owner", "owner": "a", "exp": now + 3 }));
    let stream = server.get(&format!("/live/v1/{VIEW}"), &[("authorization", &short)]).await;
    assert_eq!(stream.status(), 200);
    // It ends by itself: nothing is written, and the server goes on.
    let text = told(stream, "nothing says this").await;
    assert!(text.contains("\"x\""), "{text}");
    assert_eq!(server.get(&format!("/live/v1/{VIEW}"), &[("authorization", &short)]).await.status(), 401);
    server.stop().await;
}
