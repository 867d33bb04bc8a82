//! The part of HTTP/1.1 (RFC 9112) that a server needs to answer one GET or HEAD per connection.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant, SystemTime};

/// A request line and its headers, at most.
pub const MOST_BYTES: usize = 8 << 10;
const MOST_HEADERS: usize = 64;
/// Limits in time and bytes on reading what a client sends after its answer. Without that reading, closing the connection
/// could discard the answer.
const LINGER: Duration = Duration::from_millis(500);
const LINGER_BYTES: usize = 256 << 10;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Without what follows a question mark.
    pub path: String,
    /// Only the headers of the answer are wanted.
    pub is_head: bool,
}

impl Request {
    /// The request at the beginning of `bytes`; nothing while it is not whole.
    fn parse(bytes: &[u8]) -> Result<Option<Request>, Answer> {
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(bytes) {
            Ok(status) if status.is_complete() => {}
            Ok(_) if bytes.len() < MOST_BYTES => return Ok(None),
            Ok(_) | Err(httparse::Error::TooManyHeaders) => return Err(Answer::plain(431, "the request is too long")),
            Err(httparse::Error::Version) => return Err(Answer::plain(505, "this port speaks HTTP/1.1")),
            Err(e) => return Err(Answer::plain(400, &format!("this is no HTTP request: {e}"))),
        }
        let hosts = request.headers.iter().filter(|header| header.name.eq_ignore_ascii_case("host")).count();
        if hosts > 1 || hosts == 0 && request.version == Some(1) {
            return Err(Answer::plain(400, "a request has one Host header"));
        }
        let is_head = match request.method {
            Some("GET") => false,
            Some("HEAD") => true,
            _ => return Err(Answer::plain(405, "only GET and HEAD")),
        };
        let target = request.path.unwrap_or_default();
        let path = target.split_once('?').map_or(target, |(path, _)| path);
        Ok(Some(Request { path: path.to_string(), is_head }))
    }
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub content_type: &'static str,
    pub body: String,
}

impl Answer {
    pub fn text(status: u16, content_type: &'static str, body: String) -> Answer {
        Answer { status, content_type, body }
    }

    /// A line of text.
    pub fn plain(status: u16, line: &str) -> Answer {
        Answer::text(status, "text/plain; charset=utf-8", format!("{line}\n"))
    }

    pub fn page(body: String) -> Answer {
        Answer::text(200, "text/html; charset=utf-8", body)
    }

    fn reason(&self) -> &'static str {
        match self.status {
            200 => "OK",
            400 => "Bad Request",
            404 => "Not Found",
            405 => "Method Not Allowed",
            408 => "Request Timeout",
            431 => "Request Header Fields Too Large",
            503 => "Service Unavailable",
            505 => "HTTP Version Not Supported",
            _ => "",
        }
    }

    /// As it goes over the wire.
    fn to_bytes(&self, is_head: bool, now: SystemTime) -> Vec<u8> {
        let allow = if self.status == 405 { "Allow: GET, HEAD\r\n" } else { "" };
        let mut text = format!(
            "HTTP/1.1 {} {}\r\nDate: {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{allow}Connection: close\r\n\
             Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nContent-Security-Policy: default-src 'none'; \
             style-src 'unsafe-inline'; frame-ancestors 'none'\r\n\r\n",
            self.status,
            self.reason(),
            httpdate::fmt_http_date(now),
            self.content_type,
            self.body.len(),
        );
        if !is_head {
            text.push_str(&self.body);
        }
        text.into_bytes()
    }
}

/// Reads a request within `patience`, answers it within as much, and ends the connection.
pub fn answer(socket: &TcpStream, patience: Duration, respond: impl FnOnce(&Request) -> Answer) -> io::Result<()> {
    let (answer, is_head) = match read(&mut Timed::new(socket, patience))? {
        Ok(request) => (respond(&request), request.is_head),
        Err(refusal) => (refusal, false),
    };
    Timed::new(socket, patience).write_all(&answer.to_bytes(is_head, SystemTime::now()))?;
    socket.shutdown(Shutdown::Write)?;
    linger(&mut Timed::new(socket, LINGER))
}

/// The request, or why there is none.
fn read(from: &mut impl Read) -> io::Result<Result<Request, Answer>> {
    let mut bytes = [0; MOST_BYTES];
    let mut length = 0;
    loop {
        length += match from.read(&mut bytes[length..]) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(read) => read,
            Err(e) if e.kind() == ErrorKind::Interrupted => 0,
            Err(e) if e.kind() == ErrorKind::TimedOut => {
                return Ok(Err(Answer::plain(408, "the request took too long")));
            }
            Err(e) => return Err(e),
        };
        if let Some(parsed) = Request::parse(&bytes[..length]).transpose() {
            return Ok(parsed);
        }
    }
}

/// Takes in what a client sent; the answer to it, if one is due, has all its parts.
#[cfg(any(test, fuzzing))]
pub(crate) fn take(mut sent: &[u8]) {
    let Ok(taken) = read(&mut sent) else { return };
    let (answer, is_head) = match taken {
        Ok(request) => (Answer::plain(404, &request.path), request.is_head),
        Err(refusal) => (refusal, false),
    };
    let bytes = answer.to_bytes(is_head, SystemTime::UNIX_EPOCH);
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("headers end");
    assert_eq!(bytes.len() - end - 4, if is_head { 0 } else { answer.body.len() });
    assert!(!answer.reason().is_empty() && answer.body.len() <= MOST_BYTES);
}

/// Closing a connection with unread bytes resets it, and the client loses its answer.
fn linger(from: &mut impl Read) -> io::Result<()> {
    let mut rest = [0; 4096];
    let mut left = LINGER_BYTES;
    while left > 0 {
        match from.read(&mut rest)? {
            0 => break,
            read => left = left.saturating_sub(read),
        }
    }
    Ok(())
}

/// A socket with a deadline for everything that is read or written.
struct Timed<'a> {
    socket: &'a TcpStream,
    deadline: Instant,
}

impl Timed<'_> {
    fn new(socket: &TcpStream, time: Duration) -> Timed<'_> {
        Timed { socket, deadline: Instant::now() + time }
    }

    fn left(&self) -> io::Result<Option<Duration>> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(Some(left)) }
    }
}

/// Systems differ in the error for a socket that timed out.
fn timed_out(e: io::Error) -> io::Error {
    if e.kind() == ErrorKind::WouldBlock { ErrorKind::TimedOut.into() } else { e }
}

impl Read for Timed<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(self.left()?)?;
        self.socket.read(into).map_err(timed_out)
    }
}

impl Write for Timed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(self.left()?)?;
        self.socket.write(bytes).map_err(timed_out)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Option<Request>, u16> {
        Request::parse(text.as_bytes()).map_err(|answer| answer.status)
    }

    fn asked(path: &str, is_head: bool) -> Result<Option<Request>, u16> {
        Ok(Some(Request { path: path.into(), is_head }))
    }

    #[test]
    fn what_is_asked_for_is_understood() {
        assert_eq!(parse("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), asked("/", false));
        assert_eq!(parse("HEAD /metrics?x=1?2 HTTP/1.1\r\nhost: a:1\r\nAccept: */*\r\n\r\n"), asked("/metrics", true));
        assert_eq!(parse("GET /healthz HTTP/1.0\r\n\r\n"), asked("/healthz", false));
        assert_eq!(parse("GET /../etc/passwd HTTP/1.0\r\n\r\n"), asked("/../etc/passwd", false));
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for (text, status) in [
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", 405),
            ("GET / HTTP/1.1\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
            ("GET  HTTP/1.1\r\n\r\n", 400),
            ("GET /\0 HTTP/1.1\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHo st: a\r\n\r\n", 400),
            ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
            ("\x16\x03\x01\x02", 400),
        ] {
            assert_eq!(parse(text), Err(status), "{text:?}");
        }
        assert_eq!(parse(&format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(MOST_HEADERS + 1))), Err(431));
    }

    /// However it is cut, it is the same request, and not before its end.
    #[test]
    fn a_request_may_come_in_pieces() {
        let whole = "GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n";
        for end in 0..whole.len() {
            assert_eq!(parse(&whole[..end]), Ok(None), "{:?}", &whole[..end]);
        }
        for piece in 1..whole.len() {
            let pieces = whole
                .as_bytes()
                .chunks(piece)
                .fold(Box::new(io::empty()) as Box<dyn Read>, |before, next| Box::new(before.chain(next)));
            let mut pieces = pieces;
            assert_eq!(read(&mut pieces).unwrap().unwrap().path, "/readyz");
        }
        assert_eq!(read(&mut "GET / HT".as_bytes()).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    }

    #[test]
    fn a_request_without_end_is_refused_at_the_limit() {
        let endless = format!("GET /{}", "a".repeat(2 * MOST_BYTES));
        assert_eq!(read(&mut endless.as_bytes()).unwrap().unwrap_err().status, 431);
    }

    #[test]
    fn an_answer_to_head_is_that_to_get_without_its_body() {
        let answer = Answer::plain(405, "é");
        let [get, head] = [false, true].map(|is_head| answer.to_bytes(is_head, SystemTime::UNIX_EPOCH));
        assert_eq!(get, [&head[..], "é\n".as_bytes()].concat());
        let head = String::from_utf8(head).unwrap();
        assert!(
            head.starts_with("HTTP/1.1 405 Method Not Allowed\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"),
            "{head}"
        );
        assert!(head.contains("\r\nContent-Length: 3\r\nAllow: GET, HEAD\r\nConnection: close\r\n"), "{head}");
        assert!(head.ends_with("\r\n\r\n"), "{head}");
    }
}
