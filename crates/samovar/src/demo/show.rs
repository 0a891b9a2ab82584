//! The demo from its first line to its summary.

use super::figures::ServerFigures;
use super::http;
use super::player::{Player, Schedule};
use super::screen::Screen;
use super::setup::Plan;
use super::status::Status;
use super::summary::Summary;
use super::tally::Tally;
use crate::arguments::DemoArguments;
use crate::cpu_time::CpuTime;
use crate::failure::{CliError, Exit};
use crate::{here, model_choice, serve, signals};
use futures_util::future::join_all;
use parking_lot::Mutex;
use samovar_runtime::{ModelState, Registry};
use samovar_server::{Metrics, Server, ServerError, ServerOptions, Shutdown};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

/// Shows live streams on the real server until Ctrl-C, or for as long as was asked.
///
/// # Errors
/// What keeps it from starting: the clip, the model, the address.
pub fn demo(arguments: &DemoArguments, config: Option<&Path>) -> Result<Exit, CliError> {
    let plan = Plan::new(arguments, config)?;
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| CliError::new("internal", format!("the system gives no event loop: {error}")))?;
    let metrics = Arc::new(Metrics::new());
    let specs = plan.models.iter().map(model_choice::spec).collect::<Result<_, CliError>>()?;
    let registry = Arc::new(here::registry(&plan.config, specs, Some(Arc::clone(&metrics) as _))?);
    let shown = runtime.block_on(async {
        let server = bind(arguments, &plan, &registry, metrics)?;
        let (address, shutdown) = (server.local_addr(), Shutdown::default());
        let serving = tokio::spawn(server.serve(shutdown.clone()));
        let shown = Show { arguments, plan: &plan, registry: &registry, address }.run().await;
        shutdown.drain_now();
        // The server bounds its own end.
        drop(serving.await);
        shown
    });
    registry.close();
    shown
}

/// At the address that was asked for; without one, where the port is taken, at a free port.
fn bind(
    arguments: &DemoArguments,
    plan: &Plan,
    registry: &Arc<Registry>,
    metrics: Arc<Metrics>,
) -> Result<Server, CliError> {
    let mut options = serve::server_options(&plan.config)?;
    // Of a model that was typed alone there are neither modes nor people.
    let is_here = |model: &String| plan.models.iter().any(|(name, _)| name == model);
    options.segment_modes.retain(|(_, model)| is_here(model));
    options.anomaly = options.anomaly.filter(|anomaly| anomaly.pose.as_ref().is_none_or(is_here));
    options.address = arguments.listen.unwrap_or(options.address);
    options.insecure |= arguments.insecure;
    let free = ServerOptions { address: SocketAddr::new(options.address.ip(), 0), ..options.clone() };
    match Server::bind(options, Arc::clone(registry), Arc::clone(&metrics)) {
        Err(ServerError::PortTaken(_)) if arguments.listen.is_none() => {
            Ok(Server::bind(free, Arc::clone(registry), metrics)?)
        }
        bound => Ok(bound?),
    }
}

/// A demo whose server answers.
struct Show<'a> {
    arguments: &'a DemoArguments,
    plan: &'a Plan,
    registry: &'a Registry,
    address: SocketAddr,
}

/// How often the status is shown.
const SHOW_EVERY: Duration = Duration::from_secs(1);
/// Pictures that every slot of a usual machine gets one of.
const REHEARSED: usize = 16;

impl Show<'_> {
    async fn run(&self) -> Result<Exit, CliError> {
        let mut screen = Screen::new(self.arguments.json);
        screen.begin(self.plan, self.address)?;
        let stop = signals::cancel_on_signal()?;
        let players = self.players();
        let (playing, resident_bytes) = tokio::select! {
            started = self.start(&players, &stop) => started?,
            () = stop.cancelled() => return Ok(Exit::Interrupted),
        };
        let tallies = players.iter().map(|player| Arc::clone(&player.tally)).collect();
        let mut watch = Watch::new(self.address, tallies, resident_bytes);
        let failures = watch.until_all_ended(playing, &mut screen).await?;
        let summary = Summary::new(self.plan, watch.whole().await, failures);
        screen.end(&summary)?;
        Ok(if summary.is_good() { Exit::Ok } else { Exit::Failure })
    }

    /// One for each stream, each at another place of the clip.
    fn players(&self) -> Vec<Player> {
        let (plan, frames) = (self.plan, self.plan.clip.pictures.len() as u64);
        let player = |number: u32| Player {
            number: number as usize,
            clip: Arc::clone(&plan.clip),
            offset: frames * u64::from(number) / u64::from(plan.streams),
            tally: Arc::new(Mutex::new(Tally::default())),
            heard: Arc::new(Notify::new()),
        };
        (0..plan.streams).map(player).collect()
    }

    /// Opens the streams, the first one alone: it has the model loaded and warmed, the others find it so. Tells the
    /// process's memory from before the others.
    async fn start(
        &self,
        players: &[Player],
        stop: &CancellationToken,
    ) -> Result<(JoinSet<Result<(), CliError>>, u64), CliError> {
        let mut sockets = Vec::new();
        let mut resident_bytes = 0;
        for player in players {
            let opened = player.open(self.address, &self.plan.looking.stream_path()).await;
            sockets.push(opened.map_err(|error| self.failure_of_models().unwrap_or(error))?);
            if player.number == 0 {
                self.registry.preload().await;
                self.rehearse().await;
                resident_bytes =
                    ServerFigures::ask(self.address).await.map_or(u64::MAX, |figures| figures.resident_bytes);
            }
        }
        let start = Instant::now();
        let mut playing = JoinSet::new();
        for (player, socket) in players.iter().cloned().zip(sockets) {
            let schedule = self.schedule(start, &player, stop.clone());
            playing.spawn(async move { player.play(socket, schedule).await });
        }
        Ok((playing, resident_bytes))
    }

    /// Has a few pictures looked at, so that what any work on frames takes, whatever the number of streams, is there before
    /// the streams' memory is measured. Where one is not answered the figure is only less exact.
    async fn rehearse(&self) {
        let path = self.plan.looking.picture_path();
        let pictures = self.plan.clip.pictures.iter().take(REHEARSED);
        join_all(pictures.map(|picture| http::post(self.address, &path, picture))).await;
    }

    /// Cameras do not keep time with each other: the streams share the period evenly.
    fn schedule(&self, start: Instant, player: &Player, stop: CancellationToken) -> Schedule {
        let period = self.plan.clip.period();
        let frames =
            self.arguments.seconds.map(|seconds| (seconds.get() as f64 * self.plan.clip.frames_per_second).round());
        Schedule {
            start: start + period.mul_f64(player.number as f64 / f64::from(self.plan.streams)),
            period,
            frames: frames.map(|frames| frames.max(1.0) as u64),
            stop,
        }
    }

    /// Why a model of the streams could not be loaded, in words that a client is not told.
    fn failure_of_models(&self) -> Option<CliError> {
        let used = self.plan.looking.models();
        let models = self.registry.list();
        let mut states = models.iter().filter(|model| used.contains(&&*model.name)).map(|model| &model.state);
        states.find_map(|state| match state {
            ModelState::Failed(failure) => Some(failure.clone().into()),
            _ => None,
        })
    }
}

/// Looks at the streams and the server while they run.
struct Watch {
    address: SocketAddr,
    tallies: Vec<Arc<Mutex<Tally>>>,
    /// Memory before the streams began.
    resident_bytes: u64,
    started: Instant,
    /// The last answer of the server.
    figures: ServerFigures,
    /// The CPU time when the streams began.
    cpu_before: CpuTime,
    /// When the CPU time was last looked at, and what it was.
    cpu: (Instant, CpuTime),
}

impl Watch {
    fn new(address: SocketAddr, tallies: Vec<Arc<Mutex<Tally>>>, resident_bytes: u64) -> Self {
        let started = Instant::now();
        tallies.iter().for_each(|tally| tally.lock().rate(started.into_std()));
        let cpu_before = CpuTime::now();
        let cpu = (started, cpu_before);
        Self { address, tallies, resident_bytes, started, figures: ServerFigures::default(), cpu_before, cpu }
    }

    /// Shows the status every second until every stream has ended; tells why streams broke off.
    async fn until_all_ended(
        &mut self,
        mut playing: JoinSet<Result<(), CliError>>,
        screen: &mut Screen,
    ) -> Result<Vec<String>, CliError> {
        let mut failures = Vec::new();
        let mut ticks = interval_at(self.started + SHOW_EVERY, SHOW_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                ended = playing.join_next() => match ended {
                    None => return Ok(failures),
                    Some(Ok(Ok(()))) => {}
                    Some(Ok(Err(error))) => failures.push(error.message),
                    Some(Err(_)) => failures.push("a stream ended in a fault of the program".to_owned()),
                },
                _ = ticks.tick() => {
                    let status = self.status().await;
                    screen.show(&status)?;
                }
            }
        }
    }

    /// The status with rates and CPU time of the whole run.
    async fn whole(&mut self) -> Status {
        self.tallies.iter().for_each(|tally| tally.lock().rate_from(self.started.into_std()));
        self.cpu = (self.started, self.cpu_before);
        self.status().await
    }

    async fn status(&mut self) -> Status {
        if let Some(figures) = ServerFigures::ask(self.address).await {
            self.figures = figures;
        }
        let now = Instant::now();
        let (then, before) = std::mem::replace(&mut self.cpu, (now, CpuTime::now()));
        let cores_busy = self.cpu.1.since(before).as_secs_f64() / now.duration_since(then).as_secs_f64().max(1e-3);
        let mut tallies: Vec<_> = self.tallies.iter().map(|tally| tally.lock()).collect();
        tallies.iter_mut().for_each(|tally| tally.rate(now.into_std()));
        let tallies: Vec<&Tally> = tallies.iter().map(|tally| &**tally).collect();
        let elapsed_s = now.duration_since(self.started).as_secs_f64();
        Status::new(elapsed_s, &tallies, &self.figures, (self.resident_bytes, cores_busy))
    }
}
