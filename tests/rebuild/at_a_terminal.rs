//! A rebuild watched at a terminal: Ctrl-C asks what is to become of it.

use crate::support::{Ended, Launch, Process, wait_until};
use crate::system::System;

/// Runs a command at a terminal, waits for a text, presses Ctrl-C, waits for the question, answers it, and ends as the
/// command does. What the terminal shows is printed.
const AT_A_TERMINAL: &str = r#"
import os, pty, select, signal, sys, time
wanted, answer, command = sys.argv[1], sys.argv[2], sys.argv[3:]
process, terminal = pty.fork()
if process == 0:
    os.execvp(command[0], command)
shown, asked, answered, deadline = b"", False, False, time.monotonic() + 80
while time.monotonic() < deadline:
    ready, _, _ = select.select([terminal], [], [], 0.05)
    if ready:
        try:
            read = os.read(terminal, 65536)
        except OSError:
            break
        if not read:
            break
        shown += read
    if not asked and wanted.encode() in shown:
        asked = True
        os.write(terminal, b"\x03")
    if asked and not answered and b"[y/N]" in shown:
        answered = True
        os.write(terminal, answer.encode() + b"\n")
else:
    os.kill(process, signal.SIGKILL)
sys.stdout.write(shown.decode("utf-8", "replace"))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
"#;

/// A history large enough, in slices so small, that a rebuild can be interrupted.
fn system(seed: u64) -> System {
    let system = System::new(4_000, seed);
    system.home.edit("config/prejoin.toml", |text| format!("{text}\n[projector]\nbuild_slice_rows = 2\n"));
    system
}

fn rebuild_at_a_terminal(system: &System, answer: &str) -> Ended {
    let launch: Launch = system.home.command(&["rebuild", "order_line_details"]);
    launch.through(&["python3", "-c", AT_A_TERMINAL, "order_line_details", answer]).run()
}

fn is_built(system: &System, up: &Process, generation: i64) {
    wait_until("the rebuild is done", &[up], || match system.generation("order_line_details") {
        found if found == generation => Ok(()),
        other => Err(format!("generation {other}")),
    });
}

#[test]
fn ctrl_c_asks_whether_to_give_a_rebuild_up() {
    let system = system(91);
    let up = system.up();
    let before = system.generation("order_line_details");
    let given_up = rebuild_at_a_terminal(&system, "y").with_code(1);
    let _ = given_up.says(&["Give the rebuild up instead? [y/N]", "the rebuild was given up"]);
    assert_eq!(system.generation("order_line_details"), before);
    wait_until("nothing is left of it", &[&up], || {
        let others = system.json(&["views", "--json"]);
        match others.iter().find(|found| found["state"] != "current") {
            None => Ok(()),
            Some(other) => Err(other.to_string()),
        }
    });
    let left = rebuild_at_a_terminal(&system, "n").with_code(0);
    let _ = left.says(&["Give the rebuild up instead? [y/N]", "the projector builds on"]);
    is_built(&system, &up, before + 1);
    system.is_served(&up);
}

#[test]
fn ctrl_c_asks_whether_to_stop_where_no_projector_runs() {
    let system = system(92);
    let up = system.up();
    let before = system.generation("order_line_details");
    let _ = up.terminate().succeeded();
    let stopped = rebuild_at_a_terminal(&system, "y").with_code(1);
    let _ = stopped.says(&["Stop? What is built so far goes on", "stopped before it was done"]);
    assert_eq!(system.generation("order_line_details"), before);
    // It goes on where it was.
    let up = system.home.up::<&str>(&[]);
    is_built(&system, &up, before + 1);
    up.wait_for_log("that it goes on", |log| log.contains("goes on being built").then_some(()));
    let _ = up.terminate().succeeded();
    let done = rebuild_at_a_terminal(&system, "n").with_code(0);
    let _ = done.says(&["[y/N]", "order_line_details: readers see generation"]);
    assert_eq!(system.generation("order_line_details"), before + 2);
}
