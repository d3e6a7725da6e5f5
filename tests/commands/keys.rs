//! Keys that check tokens, fetched from a server that shows a certificate.

#![expect(clippy::unwrap_used, reason = "what a test cannot do fails it")]

use std::path::Path;
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::support::{Home, Process, block_on, wait_until};

/// `openssl` of the Debian package of that name; its output.
fn openssl(directory: &Path, arguments: &str) -> Vec<u8> {
    let output = Command::new("openssl")
        .args(arguments.split(' '))
        .current_dir(directory)
        .output()
        .expect("openssl can be run; make tools says how to get it");
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// A certificate for `localhost`, and the one of who signed it.
fn make_certificates(directory: &Path) {
    std::fs::write(directory.join("names"), "subjectAltName=DNS:localhost\n").unwrap();
    openssl(
        directory,
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=authority -days 2",
    );
    openssl(directory, "req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=localhost");
    openssl(
        directory,
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 2 -extfile names",
    );
}

/// Writes a key set with a new key, and returns a token that it checks.
fn make_token(directory: &Path) -> String {
    openssl(directory, "genrsa -out token.key 2048");
    let modulus = String::from_utf8(openssl(directory, "rsa -in token.key -modulus -noout")).unwrap();
    let hex = modulus.trim().strip_prefix("Modulus=").unwrap();
    let modulus: Vec<u8> =
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
    let key = json!({ "kty": "RSA", "alg": "RS256", "kid": "k", "n": URL_SAFE_NO_PAD.encode(modulus), "e": "AQAB" });
    std::fs::write(directory.join("keys.json"), json!({ "keys": [key] }).to_string()).unwrap();
    let parts = [json!({ "alg": "RS256", "kid": "k" }), json!({ "role": "web" })];
    let signed = parts.map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
    std::fs::write(directory.join("signed"), &signed).unwrap();
    let signature = openssl(directory, "dgst -sha256 -sign token.key signed");
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Serves the files of a directory under `https://localhost`.
struct FileServer(Child, u16);

impl FileServer {
    fn start(directory: &Path) -> FileServer {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new("openssl")
            .args([
                "s_server",
                "-accept",
                &format!("127.0.0.1:{port}"),
                "-cert",
                "server.pem",
                "-key",
                "server.key",
                "-WWW",
            ])
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        FileServer(child, port)
    }
}

impl Drop for FileServer {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn status(serving: &Process, token: &str) -> (u16, String) {
    let url = format!("{}/rest/v1/open_orders?limit=1", serving.url("api"));
    block_on(async {
        let answer = reqwest::Client::new().get(url).bearer_auth(token).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    })
}

#[test]
fn keys_come_over_https_from_a_server_that_is_trusted() {
    let home = Home::new();
    let directory = tempfile::tempdir().unwrap();
    make_certificates(directory.path());
    let token = make_token(directory.path());
    let server = FileServer::start(directory.path());
    let settings = format!(
        "[api.auth]\njwks = \"https://localhost:{}/keys.json\"\n[api.roles.web]\nviews = [\"*\"]\n",
        server.1
    );
    home.write("config/prejoin.toml", settings);
    let _ = home.project();
    let serve = || home.command(&["serve", "--listen", "127.0.0.1:0"]);

    let trusting = serve().env("SSL_CERT_FILE", directory.path().join("ca.pem")).start();
    wait_until("keys are fetched", &[&trusting], || match status(&trusting, &token) {
        (200, _) => Ok(()),
        other => Err(format!("{other:?}")),
    });
    let forged = format!("{}AAAA", &token[..token.len() - 4]);
    assert_eq!(status(&trusting, &forged).0, 401);
    let _ = trusting.terminate();

    let wary = serve().start();
    let (code, body) = status(&wary, &token);
    assert!(matches!(code, 500 | 503), "{code}: {body}");
    wary.wait_for_log("why there are no keys", |log| log.contains("ertificate").then_some(()));
    let _ = wary.terminate();
}
