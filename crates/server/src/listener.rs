//! The accept loop: takes connections in while there is room, and survives a system that has no descriptors left.

use crate::app::App;
use crate::connection;
use crate::connection_limit::{ConnectionLimit, ConnectionPermit};
use crate::error::{ApiError, Refusal};
use crate::{ServerError, ServerOptions};
use axum::Router;
use futures_util::future::join_all;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Opens an address that is configured.
pub(crate) fn listen(address: SocketAddr, options: &ServerOptions) -> Result<TcpListener, ServerError> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
    let listener = socket.and_then(|socket| {
        socket.set_reuseaddr(true)?;
        // Accepted sockets inherit it.
        socket.set_send_buffer_size(options.limits.socket_send_bytes)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    });
    listener.map_err(|error| ServerError::from_bind(address, &error))
}

/// Connections that the system keeps until they are accepted.
const BACKLOG: u32 = 1_024;

/// Takes connections in at every address until `stop`, each in a task of its own that ends at the latest with the server's `kill`.
/// What is served is the same everywhere, and so are the limits, of all addresses together.
pub(crate) async fn accept(listeners: Vec<TcpListener>, app: &Arc<App>, router: &Router, stop: &CancellationToken) {
    let limit = ConnectionLimit::new(&app.options.limits, Arc::clone(&app.metrics));
    join_all(listeners.iter().map(|listener| accept_at(listener, app, router, &limit, stop))).await;
}

async fn accept_at(
    listener: &TcpListener,
    app: &Arc<App>,
    router: &Router,
    limit: &Arc<ConnectionLimit>,
    stop: &CancellationToken,
) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((socket, client)) => admit(socket, client, app, router, limit),
            Err(error) => rest(&error, app).await,
        }
    }
}

fn admit(socket: TcpStream, client: SocketAddr, app: &Arc<App>, router: &Router, limit: &Arc<ConnectionLimit>) {
    let Some(permit) = limit.enter(client.ip()) else {
        // Whoever expects a handshake could not read it.
        return if app.options.tls.is_none() { refuse(&socket) } else { drop(socket) };
    };
    // An answer goes out in two writes; without this the second waits for the first one's acknowledgement.
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "a connection was gone before it was served");
        return;
    }
    let served = Box::pin(serve(socket, permit, Arc::clone(app), router.clone()));
    let kill = app.kill.clone();
    app.tasks.spawn(async move {
        tokio::select! {
            () = served => {}
            () = kill.cancelled() => {}
        }
    });
}

/// Serves a connection, behind a handshake where connections are encrypted; it has the time of a request's head.
async fn serve(socket: TcpStream, permit: ConnectionPermit, app: Arc<App>, router: Router) {
    let Some(tls) = app.options.tls.clone() else {
        return connection::serve(socket, permit, app, router).await;
    };
    match timeout(app.options.limits.header_time, tls.accept(socket)).await {
        Ok(Ok(socket)) => connection::serve(socket, permit, app, router).await,
        Ok(Err(error)) => tracing::debug!(%error, "a connection ended in its handshake"),
        Err(_) => app.metrics.cut_connection(),
    }
}

/// Says why in one write that does not wait, and closes.
fn refuse(socket: &TcpStream) {
    let head = "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\nretry-after: 1\r\nconnection: close";
    let body = ApiError::new(Refusal::Connections, "as many connections are open as may be").problem();
    let body = serde_json::to_string(&body).expect("a problem is plain strings and numbers");
    let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    if let Err(error) = socket.try_write(answer.as_bytes()) {
        tracing::debug!(%error, "a refused connection was not told why");
    }
}

/// A connection that went away before it was accepted costs nothing; no descriptors left is waited out.
async fn rest(error: &io::Error, app: &App) {
    const PAUSE: Duration = Duration::from_millis(50);
    let gone = [io::ErrorKind::ConnectionAborted, io::ErrorKind::ConnectionReset, io::ErrorKind::ConnectionRefused];
    if gone.contains(&error.kind()) {
        return;
    }
    app.metrics.accept_errors.inc();
    tracing::warn!(%error, "no connection could be accepted");
    tokio::time::sleep(PAUSE).await;
}
