//! A client for HTTP/1.1, inside a network namespace.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, Shutdown, TcpStream},
    time::Duration,
};

use rustix::io::retry_on_intr;
use serde_json::Value;
use testbed::netns::Netns;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// In lower case.
    pub headers: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }
}

/// Connects to a port of the loopback interface.
pub fn connect(netns: &Netns, port: u16) -> io::Result<TcpStream> {
    let stream = netns.enter(|| TcpStream::connect((Ipv4Addr::LOCALHOST, port)))?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    Ok(stream)
}

/// Reads what is there, or waits for it. A wait with a time limit has to be begun anew after this process was
/// stopped and went on, or was frozen with its cgroup or its machine (signal(7)).
pub fn read_some(stream: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    Ok(retry_on_intr(|| rustix::io::read(stream, &mut *buffer))?)
}

/// Sends these bytes and reads until the other side hangs up.
pub fn exchange(netns: &Netns, port: u16, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = connect(netns, port)?;
    stream.write_all(bytes)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

/// The same, by a client that closes its writing side with its last byte.
pub fn half_close(netns: &Netns, port: u16, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = connect(netns, port)?;
    stream.write_all(bytes)?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

/// Sends these bytes and reads one answer, by the length that it says: not everybody hangs up who is asked to.
pub fn whole(netns: &Netns, port: u16, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = connect(netns, port)?;
    stream.write_all(bytes)?;
    let mut answer = Vec::new();
    let mut buffer = [0; 4_096];
    while length(&answer).is_none_or(|length| answer.len() < length) {
        match read_some(&stream, &mut buffer)? {
            0 => break,
            read => answer.extend_from_slice(&buffer[..read]),
        }
    }
    Ok(answer)
}

/// The length of an answer with its headers, once they are there and say so.
fn length(answer: &[u8]) -> Option<usize> {
    let text = String::from_utf8_lossy(answer).to_ascii_lowercase();
    let (head, _) = text.split_once("\r\n\r\n")?;
    let (_, rest) = head.split_once("content-length:")?;
    let length: usize = rest.lines().next()?.trim().parse().ok()?;
    Some(head.len() + 4 + length)
}

/// Asks with a method and headers, each with its line's end, and a body.
pub fn ask(netns: &Netns, port: u16, request: &str, headers: &str, body: &str) -> Answer {
    let length = body.len();
    let text = format!(
        "{request} HTTP/1.1\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    );
    let answer = whole(netns, port, text.as_bytes());
    let answer = answer.unwrap_or_else(|why| panic!("{request}: {why}"));
    let answer = String::from_utf8(answer).expect("text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("headers");
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    Answer {
        status: status.expect("a status"),
        headers: head.to_ascii_lowercase(),
        body: body.to_owned(),
    }
}

/// Asks for a path.
pub fn get(netns: &Netns, port: u16, path: &str) -> Answer {
    ask(
        netns,
        port,
        &format!("GET {path}"),
        "Host: localhost\r\n",
        "",
    )
}
