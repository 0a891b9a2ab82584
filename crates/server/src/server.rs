//! A server from its address to its last connection.

use crate::app::App;
use crate::routes::stands_in_the_way;
use crate::{Metrics, ServerOptions, Shutdown, calls, jobs, listener, routes, sources};
use samovar_runtime::Registry;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// A server that listens. [`Server::serve`] answers.
pub struct Server {
    /// That of `address`, and one for gRPC alone where there is one.
    listeners: Vec<TcpListener>,
    address: SocketAddr,
    grpc_address: Option<SocketAddr>,
    app: Arc<App>,
}

/// Why a server could not start. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// Another program listens there.
    #[error("port {} of {} is taken by another program; stop it, or choose another port with `--port` or `listen`", .0.port(), .0.ip())]
    PortTaken(SocketAddr),
    /// The system does not allow it.
    #[error("port {} may not be opened by this user; choose one above 1023 with `--port` or `listen`", .0.port())]
    PortForbidden(SocketAddr),
    /// The address is not this machine's.
    #[error("{} is no address of this machine; 127.0.0.1 serves this machine alone, 0.0.0.0 every network", .0.ip())]
    NoSuchAddress(SocketAddr),
    /// Others could reach it, and nobody has to prove who they are.
    #[error("{} can be reached from other machines and nobody has to prove who they are; configure keys (`samovar keys new`), listen on 127.0.0.1 behind a proxy, or set `insecure = true` (`--insecure`) if the network itself is trusted", .0.ip())]
    Exposed(SocketAddr),
    /// The configured modes make no table.
    #[error("the modes of segmentation cannot be used: {0}")]
    Modes(String),
    /// The configured sinks cannot be.
    #[error("events cannot be delivered as configured: {0}")]
    Sinks(String),
    /// The configured sources cannot be.
    #[error("the sources cannot be opened as configured: {0}")]
    Sources(String),
    /// The folder of evidence cannot be used.
    #[error("the folder of evidence cannot be used: {0}")]
    Evidence(String),
    /// The folder of jobs cannot be used.
    #[error("the folder of jobs cannot be used: {0}")]
    Jobs(String),
    /// The folder of calls cannot be used.
    #[error("the folder of calls cannot be used: {0}")]
    Calls(String),
    /// Traces cannot be sent there.
    #[error("traces cannot be sent as configured: {0}; write the collector's address like \"http://127.0.0.1:4317\"")]
    Telemetry(String),
    /// Anything else that the system says.
    #[error("port {} of {} could not be opened: {reason}", address.port(), address.ip())]
    Bind {
        /// Where it was to listen.
        address: SocketAddr,
        /// What the system says.
        reason: String,
    },
}

impl ServerError {
    /// The stable machine code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::PortTaken(_) => "port_taken",
            Self::PortForbidden(_) => "port_forbidden",
            Self::NoSuchAddress(_) => "no_such_address",
            Self::Exposed(_) => "address_exposed",
            Self::Modes(_) => "modes_invalid",
            Self::Sinks(_) => "sinks_invalid",
            Self::Sources(_) => "sources_invalid",
            Self::Evidence(_) => "evidence_unusable",
            Self::Jobs(_) => "jobs_unusable",
            Self::Calls(_) => "calls_unusable",
            Self::Telemetry(_) => "telemetry_invalid",
            Self::Bind { .. } => "bind_failed",
        }
    }

    pub(crate) fn from_bind(address: SocketAddr, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::AddrInUse => Self::PortTaken(address),
            io::ErrorKind::PermissionDenied => Self::PortForbidden(address),
            io::ErrorKind::AddrNotAvailable => Self::NoSuchAddress(address),
            _ => Self::Bind { address, reason: error.to_string() },
        }
    }
}

impl Server {
    /// Opens the address. Must be called within a Tokio runtime; nothing is answered until [`Server::serve`].
    ///
    /// # Errors
    /// Why it cannot be opened, with the cure.
    pub fn bind(options: ServerOptions, registry: Arc<Registry>, metrics: Arc<Metrics>) -> Result<Self, ServerError> {
        let asked: Vec<_> = std::iter::once(options.address).chain(options.grpc_address).collect();
        let exposed = asked.iter().find(|address| !address.ip().is_loopback()).copied();
        let exposed = exposed.filter(|_| !options.access.asks());
        if let Some(address) = exposed
            && !options.insecure
        {
            return Err(ServerError::Exposed(address));
        }
        // Before anything is touched: where another server has the address, it may have the folder of evidence too.
        let listeners: Vec<_> =
            asked.iter().map(|&address| listener::listen(address, &options)).collect::<Result<_, _>>()?;
        let found: Vec<_> = listeners
            .iter()
            .map(|listener| listener.local_addr().map_err(|error| ServerError::from_bind(options.address, &error)))
            .collect::<Result<_, _>>()?;
        let (address, grpc_address) = (found[0], found.get(1).copied());
        let app = App::new(options, registry, metrics)?;
        if exposed.is_some() {
            tracing::warn!(%address, "everybody on the network is served; nobody has to prove who they are");
        }
        app.metrics.insecure.set(i64::from(exposed.is_some()));
        Ok(Self { listeners, address, grpc_address, app: Arc::new(app) })
    }

    /// Where it listens; the port is the real one where 0 was asked for.
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens for gRPC beside that, if it does.
    pub const fn grpc_addr(&self) -> Option<SocketAddr> {
        self.grpc_address
    }

    /// Answers until `shutdown`, then drains: readiness turns at once, requests are still taken for the drain delay unless
    /// that is skipped, and what was accepted is finished within the grace. Dropping the future instead ends everything at once.
    pub async fn serve(self, shutdown: Shutdown) {
        let Self { listeners, app, .. } = self;
        let router = routes::router(&app);
        sources::start(&app);
        jobs::start(&app);
        calls::start(&app);
        let stop = CancellationToken::new();
        let _kill_on_drop = app.kill.clone().drop_guard();
        let drain = async {
            shutdown.asked().await;
            app.draining.store(true, Ordering::SeqCst);
            tokio::select! {
                () = tokio::time::sleep(app.options.drain_delay) => {}
                () = shutdown.asked_now() => {}
            }
            stop.cancel();
        };
        let accept = listener::accept(listeners, &app, &router, &stop);
        let startup = app.tasks.spawn(watch_startup(Arc::clone(&app)));
        tokio::join!(drain, accept);
        startup.abort();
        app.closing.cancel();
        app.tasks.close();
        if tokio::time::timeout(app.options.grace, app.tasks.wait()).await.is_err() {
            tracing::warn!(tasks = app.tasks.len(), "the grace is over; what is left is cut off");
        }
        if let Some(telemetry) = &app.telemetry {
            telemetry.finish().await;
        }
    }
}

/// Latches the start: every model that readiness waits for has been ready.
async fn watch_startup(app: Arc<App>) {
    for model in app.registry.list().into_iter().filter(|model| model.preload) {
        let Ok(handle) = app.registry.model(&model.name) else { continue };
        let mut states = handle.watch();
        while app.registry.list().iter().any(|status| status.name == model.name && stands_in_the_way(status)) {
            if states.changed().await.is_err() {
                return;
            }
        }
    }
    app.started.store(true, Ordering::SeqCst);
}
