//! A local server that speaks S3's protocol, started by the test that needs it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{Ran, Sandbox, cluster, python};

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

    /// Runs segmill with this store.
    pub fn segmill(&self, sandbox: &Sandbox, words: &[&str]) -> Ran {
        let endpoint = format!("http://{}", self.address);
        let variables = [
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ENDPOINT_URL", endpoint.as_str()),
            ("AWS_ALLOW_HTTP", "true"),
        ];
        sandbox.segmill_with(&variables, words)
    }

    /// The bytes of the object `bucket/key`.
    pub fn get(&self, path: &str) -> Vec<u8> {
        let answer = self.ask("GET", path, b"").expect("the server answers");
        let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a head");
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{path}: {}", String::from_utf8_lossy(&answer[..end]));
        answer[end + 4..].to_vec()
    }

    /// The keys below `prefix` in a bucket, without it.
    pub fn names(&self, bucket: &str, prefix: &str) -> Vec<String> {
        let list = self.get(&format!("{bucket}?list-type=2&prefix={prefix}"));
        let list = String::from_utf8(list).expect("XML");
        let keys = list.split("<Key>").skip(1).map(|rest| rest.split("</Key>").next().expect("an end"));
        keys.map(|key| key[prefix.len()..].to_string()).collect()
    }

    fn ask_to_put(&self, path: &str, content: &[u8]) -> std::io::Result<String> {
        self.ask("PUT", path, content).map(|answer| String::from_utf8_lossy(&answer).into_owned())
    }

    fn ask(&self, verb: &str, path: &str, content: &[u8]) -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(&self.address)?;
        let (address, length) = (&self.address, content.len());
        // The server reads who asks, and not whether it is true.
        let who =
            "AWS4-HMAC-SHA256 Credential=test/20200101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";
        let head = format!(
            "{verb} /{path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: {who}\r\nContent-Length: {length}\r\n\
            Connection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(content)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(answer)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
