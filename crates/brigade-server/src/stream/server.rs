//! The serving side: a process of its own, so that its memory is the model's and nothing else's.
//!
//! Invariant: it serves one request and ends; it also ends, by itself, when nobody asks within
//! the timeout, when the client stops reading, and when the process that started it dies.

use super::failure::{Failure, in_one_line};
use super::live::{Look, Lookout};
use super::meter::Meter;
use super::plan::Plan;
use super::report::{Counts, Line, Model, Report};
use super::{PlanArgs, bare, brigade_model, pool};
use socket2::{Domain, Socket, Type};
use std::error::Error;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

/// How long a socket may make no progress, on either side, before the run is given up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What a model's `serve` answers: what it counted, or why it could not.
pub(crate) type Served = Result<Counts, Box<dyn Error + Send + Sync>>;

/// Serve one request for `brigade stream`, which starts this itself.
#[derive(Debug, clap::Args)]
pub(crate) struct ServerArgs {
    #[arg(long, value_enum)]
    model: Model,
    #[command(flatten)]
    plan: PlanArgs,
    /// Sample the memory all along.
    #[arg(long)]
    sampled: bool,
    /// Tell what is going on, all along.
    #[arg(long)]
    live: bool,
}

impl ServerArgs {
    /// What is to be served.
    ///
    /// # Errors
    ///
    /// The body is too long to count.
    pub(crate) fn plan(&self) -> Result<Plan, Failure> {
        self.plan.plan(self.sampled)
    }
}

/// Serves one request as `args` say, and tells the port and what was measured on standard output.
pub(crate) fn serve_once(args: &ServerArgs) -> ExitCode {
    end_with_parent();
    let said = serve(args).and_then(|report| say(&Line::Report(report)));
    let Err(failure) = said else { return ExitCode::SUCCESS };
    // Only a parent that is gone cannot be told, and then nobody is left to tell.
    let _ = say(&Line::Failed(in_one_line(&failure)));
    ExitCode::FAILURE
}

fn serve(args: &ServerArgs) -> Result<Report, Failure> {
    let plan = args.plan()?;
    let listener = listen().map_err(|e| Failure::new("listen on 127.0.0.1").because(e))?;
    let port = listener.local_addr().map_err(|e| Failure::new("ask for the port").because(e))?;
    say(&Line::Port(port.port()))?;
    let socket = accept(&listener).map_err(|e| Failure::new("accept the client").because(e))?;
    let meter =
        meter(args, &plan).map_err(|e| Failure::new("read this process's memory").because(e))?;
    measure(args.model, socket, &plan, meter)
        .map_err(|error| Failure::new(format!("serve the `{}` model", args.model)).because(error))
}

fn meter(args: &ServerArgs, plan: &Plan) -> io::Result<Meter> {
    let meter = Meter::new(plan)?;
    if !args.live {
        return Ok(meter);
    }
    let tell = |look: Look| say(&Line::Look(look)).map_err(io::Error::other);
    Ok(meter.watched_by(Lookout::new(tell)?))
}

fn measure(
    model: Model,
    socket: TcpStream,
    plan: &Plan,
    mut meter: Meter,
) -> Result<Report, Box<dyn Error + Send + Sync>> {
    let counts = match model {
        Model::Bare => bare::serve(socket, plan, &mut meter)?,
        Model::Brigade => brigade_model::serve(socket, plan, &mut meter)?,
        Model::Pool => pool::serve(socket, plan, &mut meter)?,
    };
    Ok(Report::new(model, plan, meter.request_ended()?, counts))
}

/// A listener whose sockets send under the same congestion control for every model.
fn listen() -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    // BBR paces even on loopback, and a paced run measures the pace. Any user may choose Reno;
    // where it is missing, all models still share what the system has.
    #[cfg(target_os = "linux")]
    let _ = socket.set_tcp_congestion(b"reno");
    // `accept` waits no longer than a read would, and accepted sockets inherit it.
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    socket.listen(1)?;
    Ok(socket.into())
}

fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    let (socket, _) = listener.accept()?;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    Ok(socket)
}

fn say(line: &Line) -> Result<(), Failure> {
    let failed = || Failure::new("report to `brigade stream`");
    let mut text = serde_json::to_string(line).map_err(|e| failed().because(e))?;
    text.push('\n');
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|e| failed().because(e))
}

/// Asks the kernel to end this process with the one that started it. Elsewhere than on Linux,
/// and should the parent die before this call, its closed pipe and socket do the same later.
fn end_with_parent() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
}
