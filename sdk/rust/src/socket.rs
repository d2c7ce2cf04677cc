use std::io;

use crate::contract::*;
use crate::{imports, Host, Result};

/// The most that [`Socket::line`] reads.
const MAX_LINE: usize = 64 << 10;

/// A dialogue with a server inside of one call, for a protocol such as SMTP. What the plugin does not close, the gateway
/// does when the call ends.
pub struct Socket<'a> {
    host: &'a Host,
    number: u32,
    unread: Vec<u8>,
    ended: bool,
}

impl<'a> Socket<'a> {
    pub(crate) fn new(host: &'a Host, number: u32) -> Self {
        Socket { host, number, unread: Vec::new(), ended: false }
    }

    /// Adds what comes to what is unread; false at the end of the stream.
    fn fetch(&mut self) -> Result<bool> {
        if self.ended {
            return Ok(false);
        }
        let demand = SocketDemand { socket: self.number, ..SocketDemand::default() };
        let data = self.host.call(imports::socket_read(), demand)?;
        self.ended = data.ended;
        self.unread.extend(&data.bytes);
        Ok(!data.bytes.is_empty())
    }

    /// Reads a line of at most 64 KB and returns it without its end, which is LF or CRLF; none at the end of the stream. A
    /// stream that ends in a line is `unavailable`, a line that is no UTF-8 `invalid`.
    pub fn line(&mut self) -> Result<Option<String>> {
        let mut from = 0;
        loop {
            if let Some(at) = self.unread[from..].iter().position(|&b| b == b'\n') {
                let mut line: Vec<u8> = self.unread.drain(..=from + at).collect();
                line.pop();
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return String::from_utf8(line)
                    .map(Some)
                    .map_err(|_| Error::new(Code::Invalid, "the server sent a line that is no UTF-8"));
            }
            from = self.unread.len();
            if from > MAX_LINE {
                return Err(Error::new(Code::TooLarge, "the server sent a line that is too long"));
            }
            if !self.fetch()? {
                return if from == 0 {
                    Ok(None)
                } else {
                    Err(Error::new(Code::Unavailable, "the server ended the connection in a line"))
                };
            }
        }
    }

    /// Writes a text in which `{{credential:name}}` is replaced. It has to be the plugin's own words: somebody else's could
    /// name a credential.
    pub fn fill(&mut self, text: &str) -> Result<()> {
        self.put(SocketWriting { text: Some(text.into()), fill: true, ..SocketWriting::default() })
    }

    /// [`fill`](Self::fill), and what it makes is written in base64, as logins have it.
    pub fn fill_base64(&mut self, text: &str) -> Result<()> {
        self.put(SocketWriting { text: Some(text.into()), fill: true, base64: true, ..SocketWriting::default() })
    }

    /// Keeps what comes next on the socket, so many bytes as `file` says, in the media store, without the plugin reading it;
    /// `socket` and `head` are filled in. After an error the socket is closed. Permission `media`.
    pub fn receive_file(&mut self, file: SocketReceiving) -> Result<ReceivedFile> {
        let known = self.unread.len().min(file.size as usize);
        let head = self.unread.drain(..known).collect();
        self.host.call(imports::socket_receive(), SocketReceiving { socket: self.number, head, ..file })
    }

    fn put(&mut self, writing: SocketWriting) -> Result<()> {
        self.host.call(imports::socket_write(), SocketWriting { socket: self.number, ..writing }).map(drop)
    }

    /// Goes on encrypted once the server has agreed to it. It fails where more has come than was read: what somebody on the
    /// way has put there would be taken as the server's.
    pub fn start_tls(&mut self) -> Result<()> {
        if !self.unread.is_empty() {
            let _ = self.close();
            return Err(Error::new(Code::Unavailable, "more has come in plain text than the server's agreement to encrypt"));
        }
        self.host.call(imports::socket_start_tls(), SocketReference { socket: self.number }).map(drop)
    }

    /// Closes the socket.
    pub fn close(&mut self) -> Result<()> {
        self.host.call(imports::socket_close(), SocketReference { socket: self.number }).map(drop)
    }
}

/// Waits until something has come.
impl io::Read for Socket<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.unread.is_empty() && !to.is_empty() {
            self.fetch().map_err(io::Error::other)?;
        }
        let length = to.len().min(self.unread.len());
        to[..length].copy_from_slice(&self.unread[..length]);
        self.unread.drain(..length);
        Ok(length)
    }
}

impl io::Write for Socket<'_> {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        let part = &from[..from.len().min(SocketWriting::BYTES_MAX as usize)];
        self.put(SocketWriting { bytes: part.into(), ..SocketWriting::default() }).map_err(io::Error::other)?;
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
