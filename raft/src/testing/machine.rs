//! A state machine that is the list of all commands.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use hanse_base::id::LogIndex;

use crate::machine::{Machine, MachineError, Snapshot};

/// What readers see. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<Vec<Bytes>>>);

impl Seen {
    pub(crate) fn list(&self) -> Vec<Bytes> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

/// The machine. A command `panic` makes it panic. An outcome is the command's place in the list.
#[derive(Default)]
pub(crate) struct ListMachine {
    list: Vec<Bytes>,
    published: usize,
    /// How many commands were applied since the start, in contrast to restored.
    pub(crate) applied: Arc<std::sync::atomic::AtomicUsize>,
    pub(crate) seen: Seen,
}

impl Machine for ListMachine {
    fn apply(&mut self, _index: LogIndex, commands: &[Bytes]) -> Vec<Bytes> {
        let mut outcomes = Vec::new();
        for command in commands {
            assert_ne!(&command[..], b"panic", "a command that the machine cannot bear");
            self.applied.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            outcomes.push(Bytes::from(self.list.len().to_string()));
            self.list.push(command.clone());
        }
        outcomes
    }

    fn publish(&mut self) {
        let mut seen = self.seen.0.lock().unwrap();
        seen.truncate(self.published);
        seen.extend_from_slice(&self.list[self.published..]);
        self.published = self.list.len();
    }

    fn snapshot(&self) -> Box<dyn Snapshot> {
        Box::new(Picture(self.list.clone()))
    }

    fn restore(&mut self, reader: &mut dyn Read) -> Result<(), MachineError> {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes)?;
        let mut rest = &bytes[..];
        self.list.clear();
        while let Some((length, more)) = rest.split_first_chunk::<4>() {
            let (command, more) = more.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or("cut")?;
            self.list.push(Bytes::copy_from_slice(command));
            rest = more;
        }
        self.published = 0;
        Ok(())
    }
}

struct Picture(Vec<Bytes>);

impl Snapshot for Picture {
    fn write(&self, out: &mut dyn Write) -> std::io::Result<()> {
        for command in &self.0 {
            out.write_all(&u32::try_from(command.len()).unwrap().to_le_bytes())?;
            out.write_all(command)?;
        }
        Ok(())
    }
}
