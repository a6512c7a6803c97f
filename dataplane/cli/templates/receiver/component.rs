//! The component as a host uses it: configured with JSON, run until it has sent what came.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use serde_json::json;
use strait_component::testing::{Sample, receive, samples};
use strait_component::{Settings, Signal};

#[test]
fn lines_are_logs() {
    // The port is free again when the receiver takes it.
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let free = held.local_addr().unwrap();
    drop(held);
    let client = thread::spawn(move || {
        let mut stream = loop {
            match TcpStream::connect(free) {
                Ok(stream) => break stream,
                Err(_) => thread::sleep(Duration::from_millis(1)),
            }
        };
        stream.write_all(b"one\ntwo\n").unwrap();
        stream
    });
    let settings = Settings::new("{{type}}", 0).makes([Signal::Logs]);
    let factory = {{crate}}::factory().receiver().unwrap();
    let config = json!({"endpoint": free.to_string()});
    let mut receiver = factory.create(&config, &settings).unwrap();
    let sent = receive(&mut *receiver, settings, 2).unwrap();
    let logs: Vec<_> = sent.iter().flat_map(samples).collect();
    assert_eq!(logs, ["one", "two"].map(Sample::new));
    let client = client.join().unwrap().local_addr().unwrap().to_string();
    assert_eq!(sent[0].context().peer(), Some(client.as_str()));
}

#[test]
fn mistakes_are_found_with_their_paths() {
    let no_port = json!({"endpoint": "here"});
    let misspelt = json!({"enpoint": "127.0.0.1:1"});
    for (config, path) in [(no_port, "endpoint"), (misspelt, "enpoint")] {
        let errors = {{crate}}::factory().validate(&config).unwrap_err();
        assert_eq!(errors[0].path, path, "{errors:?}");
    }
}
