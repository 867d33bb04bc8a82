//! A local server that speaks S3's protocol, started by the test that needs it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{cluster, python};

/// How often a connection may be cut before it is the server's fault.
const CUTS: u32 = 5;

/// A running S3 server with an empty bucket.
pub struct Store {
    server: Child,
    pub address: String,
}

impl Store {
    /// Nothing where it cannot be had.
    pub fn start(bucket: &str) -> Option<Store> {
        let python = python::with_packages("moto", &["moto[server]"])?;
        let address = cluster::free_addresses(1).remove(0);
        let (host, port) = address.split_once(':').expect("host and port");
        let mut server = Command::new(python);
        server.args(["-m", "moto.server", "-H", host, "-p", port]).stdout(Stdio::null()).stderr(Stdio::null());
        let store = Store { server: server.spawn().expect("the server starts"), address };
        cluster::wait_for(&store.address);
        store.put(bucket, b"");
        Some(store)
    }

    /// Makes a bucket, or an object `bucket/key`. A server that has just started may still cut a connection: it is asked again.
    pub fn put(&self, path: &str, content: &[u8]) {
        let mut cut = 0;
        let answer = loop {
            match self.ask_to_put(path, content) {
                Ok(answer) => break answer,
                Err(error) if cut == CUTS => panic!("the server answers: {error}"),
                Err(_) => cut += 1,
            }
            std::thread::sleep(Duration::from_millis(200));
        };
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    fn ask_to_put(&self, path: &str, content: &[u8]) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(&self.address)?;
        let (address, length) = (&self.address, content.len());
        let head =
            format!("PUT /{path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes())?;
        stream.write_all(content)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
