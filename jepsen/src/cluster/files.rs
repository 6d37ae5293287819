//! The files of a cluster: `hansed up --prepare-only` makes them, and the addresses in them are changed to those of the
//! namespaces.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::cluster::Plan;
use crate::doctor::NetKind;
use crate::ground::{Ground, ip};

/// Where each daemon is.
#[derive(Debug, Clone)]
pub struct Layout {
    /// The daemons, region by region.
    pub places: Vec<Place>,
}

/// Where one daemon is.
#[derive(Debug, Clone)]
pub struct Place {
    /// `<region>-<n>`.
    pub name: String,
    /// The region.
    pub region: String,
    /// Its host.
    pub address: Ipv4Addr,
    /// Port of the API.
    pub port: u16,
    /// Its directory.
    pub directory: PathBuf,
}

impl Place {
    /// Host and port of its API.
    #[must_use]
    pub fn api(&self) -> SocketAddr {
        (self.address, self.port).into()
    }
}

impl Layout {
    /// Makes the files.
    ///
    /// # Errors
    /// `hansed up --prepare-only` fails, or its files are not understood.
    pub fn make(plan: &Plan) -> Result<Self> {
        let ports = ports(plan)?;
        let mut places = Vec::new();
        for (number, region) in plan.regions.iter().enumerate() {
            for daemon in 0..plan.daemons {
                let address = match plan.net {
                    NetKind::Switch => Self::daemon_address(number, daemon),
                    NetKind::Loopback => Ipv4Addr::LOCALHOST,
                };
                let name = format!("{region}-{}", daemon + 1);
                let port = ports + u16::try_from(places.len() * 10)?;
                let directory = plan.directory.join(&name);
                places.push(Place { name, region: region.clone(), address, port, directory });
            }
        }
        let layout = Self { places };
        match plan.net {
            NetKind::Loopback => prepare(plan, ports)?,
            NetKind::Switch => layout.make_apart(plan, ports)?,
        }
        for place in &layout.places {
            ensure!(
                place.directory.join("hansed.toml").exists(),
                "`hansed up --prepare-only` made no {}",
                place.directory.display()
            );
        }
        Ok(layout)
    }

    /// In a namespace that has all addresses, so that they can be bound while the files are made.
    fn make_apart(&self, plan: &Plan, ports: u16) -> Result<()> {
        let ground = Ground::isolated("prepare")?;
        let (plan, places) = (plan.clone(), self.places.clone());
        ground.run(move || {
            for place in &places {
                ip(&["addr", "add", &format!("{}/32", place.address), "dev", "lo"])?;
            }
            prepare(&plan, ports)?;
            for place in &places {
                let path = place.directory.join("hansed.toml");
                let mut text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
                for other in &places {
                    for port in [other.port, other.port + 1] {
                        let (from, to) = (format!("127.0.0.1:{port}\""), format!("{}:{port}\"", other.address));
                        text = text.replace(&from, &to);
                    }
                }
                ensure!(!text.contains("127.0.0.1:"), "{} names addresses that are not known", path.display());
                fs::write(&path, text)?;
                // They are for the old address; the next run makes others.
                for file in ["api.crt", "api.key"] {
                    fs::remove_file(place.directory.join(file)).with_context(|| format!("{}: {file}", place.name))?;
                }
            }
            prepare(&plan, ports)
        })
    }

    /// Where a daemon is.
    #[must_use]
    pub fn daemon_address(region: usize, daemon: usize) -> Ipv4Addr {
        let byte = |number: usize| u8::try_from(number + 1).unwrap_or(u8::MAX);
        Ipv4Addr::new(10, byte(region), byte(daemon), 1)
    }

    /// Where clients of a region are.
    #[must_use]
    pub fn client_address(region: usize) -> Ipv4Addr {
        Ipv4Addr::new(10, u8::try_from(region + 1).unwrap_or(u8::MAX), 200, 1)
    }
}

fn prepare(plan: &Plan, ports: u16) -> Result<()> {
    let output = Command::new(&plan.programs.hansed)
        .args(["up", "--prepare-only", "--regions", &plan.regions.join(",")])
        .args(["--daemons", &plan.daemons.to_string(), "--port-base", &ports.to_string()])
        .arg("--data-dir")
        .arg(&plan.directory)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{} cannot be run", plan.programs.hansed.display()))?;
    ensure!(output.status.success(), "hansed up --prepare-only: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}

/// In namespaces all ports are free; on the machine some have to be found.
fn ports(plan: &Plan) -> Result<u16> {
    if plan.net == NetKind::Switch {
        return Ok(6443);
    }
    let span = u16::try_from(plan.regions.len() * plan.daemons * 10)?;
    let offset = u16::try_from(std::process::id() % 89)? * 110;
    for attempt in 0..200_u16 {
        let base = 21_000 + (offset + attempt * 130) % 11_000;
        let free = (0..span).step_by(10).all(|step| {
            TcpListener::bind((Ipv4Addr::LOCALHOST, base + step)).is_ok()
                && UdpSocket::bind((Ipv4Addr::LOCALHOST, base + step + 1)).is_ok()
        });
        if free {
            return Ok(base);
        }
    }
    anyhow::bail!("no free ports from 21000 on")
}
