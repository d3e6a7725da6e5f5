//! smoke
mod support;
#[test]
fn smoke() {
    let home = support::Home::new();
    let up = home.up::<&str>(&[]);
    println!("{} {}", up.url("api"), up.url("users"));
    let status = support::get(&format!("{}/status", up.url("api")));
    println!("{}", status.text);
    let ended = up.terminate().succeeded();
    println!("{}", ended.describe());
}
