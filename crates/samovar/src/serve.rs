//! `samovar serve`: models and server put together, a summary when all is ready, and the way out.
//!
//! The server answers from the beginning, so that probes can tell what is going on; models load in the background.

use crate::arguments::ServeArguments;
use crate::config::{Config, ConfigFile, PairSection, ServerSection};
use crate::doctor::{self, FactsByName};
use crate::failure::{CliError, Exit};
use crate::jobs::{JobHouse, JobLog, VideoRunner};
use crate::model_choice::NamedModel;
use crate::reload::{ReloadThread, Watched};
use crate::signals::{EndSignal, EndSignals};
use crate::{here, keys, live, model_choice, speech, stderr, triage};
use samovar_jobs::JobRunner;
use samovar_models::FamilyKind;
use samovar_runtime::{Generation, ModelSpec, ModelState, ModelStatus, OnPreloadFailure, PreloadFailure, Registry};
use samovar_server::{
    FaceSettings, Metrics, Server, ServerError, ServerLimits, ServerOptions, Shutdown, StreamLimits, TelemetrySettings,
    Tls, TlsError, TlsFiles,
};
use samovar_service::shared_memory::SharedMemoryLimits;
use samovar_service::tensor::LogControl;
use samovar_service::text::{Pair, Pairs};
use samovar_triage::CurrentRules;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Serves until a signal ends it.
///
/// # Errors
/// What keeps it from starting: the configuration, the address. A model that fails to load does not: readiness tells.
pub fn serve(arguments: &ServeArguments, config: Option<&Path>, log: LogControl) -> Result<Exit, CliError> {
    let started = Instant::now();
    let file = ConfigFile::find(config)?;
    let metrics = Arc::new(Metrics::new());
    let observer = Arc::clone(&metrics);
    let models = models(arguments, &file.config)?;
    let facts = doctor::facts(&models);
    tell_faults(&doctor::faults(&facts, &file.config), here::on_preload_failure(&file.config))?;
    let specs = models.iter().map(|model| spec(model, &facts)).collect::<Result<_, _>>()?;
    let registry = Arc::new(here::serving_registry(&file.config, specs, observer)?);
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| CliError::new("internal", format!("the system gives no event loop: {error}")))?;
    let served = runtime.block_on(async {
        let mut signals = EndSignals::listen()
            .map_err(|error| CliError::new("internal", format!("the system tells no signals: {error}")))?;
        let house = JobHouse::of_server(&file.config)?;
        let jobs = house.as_ref().map(|house| house.settings(&file.config, job_runner(&file.config, &registry, house)));
        let options = ServerOptions { jobs, log: Some(log), ..options(arguments, &file.config)? };
        let scheme = if options.tls.is_some() { "https" } else { "http" };
        let _files = look_after_files(&file.config, &options);
        let server = Server::bind(options, Arc::clone(&registry), metrics)?;
        stderr::line(&format!("samovar {} listens on {scheme}://{}", env!("CARGO_PKG_VERSION"), server.local_addr()));
        if let Some(address) = server.grpc_addr() {
            stderr::line(&format!("  and for gRPC alone on {address}"));
        }
        let fatal = fatal_preload(&registry, started, here::on_preload_failure(&file.config));
        serve_until_told(server, &mut signals, fatal).await
    });
    registry.close();
    // A receiver of events that does not answer holds a thread; the grace was for that.
    runtime.shutdown_timeout(Duration::from_secs(1));
    served
}

/// What the runtime loads. Which family each belongs to is known already, so that nobody who names no model waits for loads.
fn spec(model: &NamedModel, facts: &FactsByName) -> Result<ModelSpec, CliError> {
    let found = facts.get(&model.0).and_then(|facts| facts.as_ref().ok()?.family());
    let family = found.and_then(FamilyKind::parse).map(FamilyKind::name);
    Ok(ModelSpec { family, ..model_choice::spec(model)? })
}

/// Who works on jobs inside the server; nobody where workers outside do.
fn job_runner(config: &Config, registry: &Arc<Registry>, house: &JobHouse) -> Option<Arc<dyn JobRunner>> {
    let runner = || VideoRunner::new(config, Arc::clone(registry), &house.work, JobLog::Log);
    config.jobs.worker.then(|| Arc::new(runner()) as Arc<dyn JobRunner>)
}

/// The first signal drains; the second cuts off what is left. Only after SIGTERM are there balancers to wait for.
///
/// # Errors
/// What `fatal` comes to, if it does.
async fn serve_until_told(
    server: Server,
    signals: &mut EndSignals,
    fatal: impl Future<Output = CliError>,
) -> Result<Exit, CliError> {
    let shutdown = Shutdown::default();
    let serving = server.serve(shutdown.clone());
    tokio::pin!(serving);
    let outcome = tokio::select! {
        () = &mut serving => return Ok(Exit::Ok),
        error = fatal => {
            shutdown.drain_now();
            Err(error)
        }
        signal = signals.next() => {
            stderr::line(&format!("{signal}: finishing what was accepted; a second signal cuts it off"));
            match signal {
                EndSignal::Interrupt => shutdown.drain_now(),
                EndSignal::Terminate => shutdown.drain(),
            }
            Ok(Exit::Ok)
        }
    };
    tokio::select! {
        () = serving => stderr::line("all finished"),
        signal = signals.next() => stderr::line(&format!("{signal}: cut off")),
    }
    outcome
}

/// Loads what is to be loaded at start and tells how each came out. Comes to an end only where a failure is to end the server.
async fn fatal_preload(registry: &Registry, started: Instant, on_failure: OnPreloadFailure) -> CliError {
    let failures = registry.preload().await;
    let models = registry.list();
    for model in &models {
        stderr::line(&status_line(model));
    }
    let wanted = models.iter().filter(|model| model.preload).count();
    let word = match (failures.is_empty(), on_failure) {
        (true, _) => "ready",
        (false, OnPreloadFailure::Lazy) => "ready, and what failed is tried again at its first use",
        (false, _) => "not ready",
    };
    let ready = wanted - failures.len().min(wanted);
    stderr::line(&format!("{word}: {ready} of {wanted} models after {:.2} s", started.elapsed().as_secs_f64()));
    if failures.is_empty() || on_failure != OnPreloadFailure::Exit {
        return std::future::pending().await;
    }
    preload_failed(&failures)
}

/// Nothing is found out at the first request: what can never work is told at start, and ends the server where failures are to.
fn tell_faults(faults: &[(String, CliError)], on_failure: OnPreloadFailure) -> Result<(), CliError> {
    let reasons: Vec<String> =
        faults.iter().map(|(name, fault)| format!("{name}: {}: {}", fault.code, fault.message)).collect();
    if on_failure == OnPreloadFailure::Exit && !faults.is_empty() {
        return Err(ends_without_models(&reasons));
    }
    for (reason, (_, fault)) in reasons.iter().zip(faults) {
        let cure = fault.cure.as_ref().map_or_else(String::new, |cure| format!("\n    cure: {cure}"));
        stderr::line(&format!("  cannot work: {reason}{cure}"));
    }
    Ok(())
}

fn preload_failed(failures: &[PreloadFailure]) -> CliError {
    let reason = |PreloadFailure { model, failure }: &PreloadFailure| {
        format!("{model}: {}: {}", failure.kind.code(), failure.reason)
    };
    ends_without_models(&failures.iter().map(reason).collect::<Vec<_>>())
}

fn ends_without_models(reasons: &[String]) -> CliError {
    CliError::new("preload_failed", format!("the server ends without its models\n{}", reasons.join("\n")))
        .cure("mend what is said above, or serve the others meanwhile: `server.on_preload_failure = \"degraded\"`")
}

fn status_line(ModelStatus { name, state, .. }: &ModelStatus) -> String {
    match state {
        ModelState::Ready(generation) => format!("  {name}: {}", serving(generation)),
        ModelState::Failed(failure) => {
            let retry = failure.retry_at.map_or_else(String::new, |at| {
                format!("; next try in {:.0} s", at.saturating_duration_since(Instant::now()).as_secs_f64().ceil())
            });
            format!(
                "  {name}: failed[{}]: {}{retry}\n    cure: {}",
                failure.kind.code(),
                failure.reason,
                failure.kind.cure()
            )
        }
        state => format!("  {name}: {}, loads at the first use", state.name()),
    }
}

/// What serves, and by which plan.
fn serving(generation: &Generation) -> String {
    let figures = generation.figures();
    let mib = |bytes: u64| bytes as f64 / 1_048_576.0;
    let version = generation.version.map_or_else(String::new, |version| format!(" version {version}"));
    format!(
        "{}{version} on {} {} in {}, {} slots × {} thread(s), {} plan, {:.1} ms a run, {:.0} MiB (at most {:.0} MiB)",
        generation.family.name(),
        generation.engine,
        generation.engine_version,
        generation.precision,
        generation.slots,
        generation.threads,
        generation.plan_source().name(),
        figures.settled_run.as_secs_f64() * 1e3,
        mib(figures.memory_bytes),
        mib(figures.peak_bytes),
    )
}

/// The models of the configuration, then those of the command line.
fn models(arguments: &ServeArguments, config: &Config) -> Result<Vec<NamedModel>, CliError> {
    let configured = config.models.iter().map(|(name, section)| Ok((name.clone(), section.clone())));
    let typed = arguments.model.iter().map(|text| model_choice::named_file(text, &arguments.choices));
    let named: Vec<_> = configured.chain(typed).collect::<Result<_, CliError>>()?;
    if named.is_empty() {
        return Err(CliError::new("no_model", "there is no model to serve")
            .cure("samovar serve --model FILE.onnx, or a configuration with `[models.NAME]`")
            .exit(Exit::Usage));
    }
    Ok(named)
}

fn options(arguments: &ServeArguments, config: &Config) -> Result<ServerOptions, CliError> {
    let mut options = server_options(config)?;
    options.address = arguments.listen.unwrap_or(options.address);
    if let Some(port) = arguments.port {
        options.address.set_port(port);
    }
    options.insecure |= arguments.insecure;
    Ok(options)
}

/// The server as configured.
///
/// # Errors
/// A secret that cannot be read, or options that contradict each other.
pub fn server_options(config: &Config) -> Result<ServerOptions, CliError> {
    let server = &config.server;
    Ok(ServerOptions {
        address: server.listen,
        grpc_address: server.grpc_listen,
        shared_memory: server.shared_memory.then(SharedMemoryLimits::default),
        insecure: server.insecure,
        access: keys::access(config)?,
        hosts: server.hosts.clone(),
        access_log: server.access_log,
        tls: tls(config)?,
        telemetry: telemetry(config),
        default_model: server.default_model.clone(),
        allowed_origins: server.allowed_origins.clone(),
        drain_delay: Duration::from_millis(server.drain_delay_ms),
        grace: Duration::from_millis(server.grace_ms),
        limits: limits(server, config),
        segment_modes: segment_modes(config),
        anomaly: Some(live::anomaly_settings(&config.anomaly)?),
        // Who configures sources is told below where there is no program for them; everything else goes without.
        ffmpeg: here::ffmpeg(config).ok(),
        sources: live::sources(config)?,
        source_additions: live::source_additions(config),
        webhooks: live::webhooks(config)?,
        mqtt: live::mqtt(config)?,
        evidence: live::evidence(config),
        pairs: pairs(config),
        faces: FaceSettings { detector: config.faces.detector.clone(), embedding: config.faces.embedding.clone() },
        // The queue is opened by `serve` alone: what is shown or measured takes no jobs. The log is its own there, too.
        jobs: None,
        speech: speech::speech_settings(config),
        calls: speech::call_settings(config),
        rules: Arc::new(CurrentRules::new(triage::rules(config.triage.rules.as_deref())?)),
        log: None,
    })
}

/// Towers under one name.
fn pairs(config: &Config) -> Pairs {
    let pair = |pair: &PairSection| Pair { image: pair.image.clone(), text: pair.text.clone() };
    config.pairs.iter().map(|(name, section)| (name.clone(), pair(section))).collect()
}

/// How connections are encrypted.
///
/// # Errors
/// Files that cannot be read, or do not belong together.
pub fn tls(config: &Config) -> Result<Option<Arc<Tls>>, CliError> {
    let section = &config.server.tls;
    let Some((certificate, key)) = section.certificate.clone().zip(section.key.clone()) else { return Ok(None) };
    let tls = Tls::load(TlsFiles { certificate, key, client_ca: section.client_ca.clone() });
    let unusable = |error: TlsError| {
        let cure = "`certificate`, `key` and `client_ca` in `[server.tls]` name PEM files that the server may read";
        CliError::new("tls_unusable", error.to_string()).cure(cure).exit(Exit::Usage)
    };
    tls.map(|tls| Some(Arc::new(tls))).map_err(unusable)
}

fn telemetry(config: &Config) -> Option<TelemetrySettings> {
    let section = &config.telemetry;
    let endpoint = section.otlp_endpoint.clone()?;
    Some(TelemetrySettings { endpoint, service_name: section.service_name.clone(), sample_ratio: section.sample_ratio })
}

/// Reads keys and certificates again when their files change, while what is returned lives.
fn look_after_files(config: &Config, options: &ServerOptions) -> ReloadThread {
    let tls = options.tls.clone().map(|tls| {
        let files = tls.files().paths();
        Watched::new("the certificate", files, Box::new(move || tls.reload().map_err(|error| error.to_string())))
    });
    let rules = triage::watched(config, &options.rules);
    ReloadThread::start(keys::watched(config, &options.access).into_iter().chain(tls).chain(rules).collect())
}

/// The modes of segmentation, the quickest first, each with its model's name.
fn segment_modes(config: &Config) -> Vec<(String, String)> {
    config.modes.segment.configured().map(|(mode, model)| (mode.to_owned(), model.to_owned())).collect()
}

fn limits(server: &ServerSection, config: &Config) -> ServerLimits {
    let default = ServerLimits::default();
    ServerLimits {
        connections_max: server.connections_max,
        connections_per_client_max: server.connections_per_client_max,
        body_bytes_max: server.body_bytes_max,
        bodies_bytes_max: server.bodies_bytes_max,
        request_time: Duration::from_millis(server.request_time_max_ms),
        image: here::image_limits(config),
        audio: speech::upload_limits(config),
        recording_time: Duration::from_secs(config.speech.recording_time_max_s),
        stream: StreamLimits {
            streams_max: server.streams_max,
            message_bytes_max: server.stream_message_bytes_max,
            ..default.stream
        },
        ..default
    }
}

impl From<ServerError> for CliError {
    fn from(error: ServerError) -> Self {
        let failure = Self::new(error.code(), error.to_string());
        match error {
            ServerError::Sinks(_) => {
                failure.cure("correct `[webhooks]` or `[mqtt]` in the configuration").exit(Exit::Usage)
            }
            ServerError::Sources(_) => failure.cure("correct `[sources]` in the configuration").exit(Exit::Usage),
            ServerError::Evidence(_) => failure.cure("set `evidence.folder` to a folder that this user may write"),
            ServerError::Calls(_) => {
                failure.cure("set `calls.folder` to a folder that this user may write and no other server uses")
            }
            // Their sentences say it.
            _ => failure,
        }
    }
}
