//! The task that reads a lane's ring: the only reader, whatever the nodes do.
//!
//! How it waits for the ring is the ring's policy; it also wakes for what other threads tell the
//! lane, for deadlines, and to ring the host's doorbell after the nodes had their turn.

use crate::calls::Port;
use crate::link::Reader;
use crate::nodes::waiting::sleep_until;
use std::rc::Rc;
use strait_failure::{Class, Failure};

/// Gives the reader back when the loop ends, also when its task is dropped with its runtime.
struct Borrowed {
    port: Rc<Port>,
    reader: Option<Reader>,
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        if let Some(reader) = self.reader.take() {
            self.port.give_reader(reader);
        }
    }
}

/// Reads until the link ends; gives the reason, which the port keeps too.
pub(super) async fn run(port: Rc<Port>) -> Failure {
    let mut borrowed = Borrowed {
        reader: port.take_reader(),
        port,
    };
    let port = Rc::clone(&borrowed.port);
    let Some(reader) = borrowed.reader.as_mut() else {
        return Failure::new(Class::Internal, "the lane's ring is read already");
    };
    let failure = match read(&port, reader).await {
        Ok(never) => match never {},
        Err(failure) => failure,
    };
    port.close(&failure);
    failure
}

async fn read(port: &Port, reader: &mut Reader) -> Result<std::convert::Infallible, Failure> {
    loop {
        while let Some(incoming) = reader.try_read(&port.schemas)? {
            port.dispatch(incoming)?;
        }
        port.tick();
        port.writer.ring();
        let deadline = port.calls().next_deadline();
        tokio::select! {
            incoming = reader.read(&port.schemas) => port.dispatch(incoming?)?,
            () = port.inbox().woken() => {}
            () = port.writer.ring_wanted() => {}
            () = sleep_until(deadline), if deadline.is_some() => {}
        }
    }
}
