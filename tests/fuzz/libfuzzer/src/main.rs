//! One program for all targets: libFuzzer gives the bytes, `HANSE_FUZZ_TARGET` says to whom. See `tests/fuzz/run`.
#![no_main]

use std::path::Path;
use std::process::exit;
use std::sync::LazyLock;
use std::{env, fs};

use hanse_fuzz::target::{Target, all, named};
use libfuzzer_sys::fuzz_target;

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = env::var("HANSE_FUZZ_TARGET").unwrap_or_default();
    let Some(target) = named(&name) else {
        all().for_each(|target| println!("{}", target.name));
        exit(i32::from(name != "list"));
    };
    if let Ok(folder) = env::var("HANSE_FUZZ_SEEDS") {
        write_seeds(target, Path::new(&folder)).expect("the folder takes the seeds");
        exit(0);
    }
    target
});

/// libFuzzer begins with files: the seeds, which are made by the program.
fn write_seeds(target: &Target, folder: &Path) -> std::io::Result<()> {
    let seeds = (target.seeds)().into_iter().enumerate();
    seeds.into_iter().try_for_each(|(number, seed)| fs::write(folder.join(format!("seed-{number}")), seed))
}

fuzz_target!(init: { LazyLock::force(&TARGET); }, |bytes: &[u8]| {
    (TARGET.run)(bytes);
});
