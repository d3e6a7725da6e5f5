//! Ctrl-C and SIGTERM: the running step is finished, then everything ends with exit code 0.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Turns true at the first Ctrl-C or SIGTERM. A second one ends the process at once.
pub(crate) fn on_signals() -> std::io::Result<watch::Receiver<bool>> {
    let (stop, stopped) = watch::channel(false);
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        for again in [false, true] {
            tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
            if again {
                std::process::exit(130);
            }
            tracing::info!("stopping: the running step is finished first");
            stop.send_replace(true);
        }
    });
    Ok(stopped)
}

/// Ends when the process is to stop.
pub(crate) async fn wait(mut stopped: watch::Receiver<bool>) {
    // An error means that the sender is gone, and with it everything that could stop us: so we stop.
    let _ = stopped.wait_for(|stop| *stop).await;
}
