//! A reader that never rests: no answer may be an error, none may have fewer rows than one before.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crate::support::{Process, rows};

pub(crate) struct Reader {
    stop: Arc<AtomicBool>,
    reading: JoinHandle<Result<usize, String>>,
}

impl Reader {
    /// Reads the orders with their customers until it is asked what it saw.
    pub(crate) fn of(up: &Process) -> Reader {
        let api = up.url("api");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let reading = std::thread::spawn(move || {
            let (mut most, mut reads) = (1, 0);
            while !stopped.load(Ordering::Relaxed) {
                let found = rows(&api, "orders_with_customers?select=order_id")?;
                if found.len() < most {
                    return Err(format!("read {reads} has {} rows after {most} before", found.len()));
                }
                most = found.len();
                reads += 1;
            }
            Ok(reads)
        });
        Reader { stop, reading }
    }

    /// It saw what it should, and read at all.
    pub(crate) fn ends_content(self) {
        self.stop.store(true, Ordering::Relaxed);
        let read = self.reading.join().expect("the reader does not panic");
        assert!(read.as_ref().is_ok_and(|reads| *reads > 0), "{read:?}");
    }
}
