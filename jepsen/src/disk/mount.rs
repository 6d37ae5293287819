//! A daemon's disk: an [`Image`] mounted by FUSE, with faults on command.
//!
//! Reads and writes go to the image at once; what a loss of power leaves is the image's business. The mount dies with the
//! process: a harness that is killed leaves at most a mount point, and not even that where it has a mount namespace of its own.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use fuser::{
    BackgroundSession, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo,
    LockOwner, MountOption, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty,
    ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, Request, TimeOrNow, WriteFlags,
};

use crate::disk::image::{Content, Directory, File, Image, Loss, Number, Refusal};
use crate::random::Random;

/// What is wrong with a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Faults {
    /// Nothing that changes or syncs comes back until this ends.
    pub stalls: bool,
    /// Added to each sync.
    pub sync_takes: Duration,
    /// The next sync fails, once; what was written before it is not made durable.
    pub fails_next_sync: bool,
}

/// What a disk has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Writes.
    pub writes: u64,
    /// Syncs of files and directories that succeeded.
    pub syncs: u64,
    /// Changes that losses of power found unsynced.
    pub lost: u64,
    /// Operations that stood still in a stall.
    pub stalled: u64,
    /// Syncs that failed on command.
    pub failed_syncs: u64,
}

/// A mounted disk; it is unmounted when this is dropped.
pub struct Disk {
    shared: Arc<Shared>,
    session: Option<BackgroundSession>,
    point: PathBuf,
}

struct Shared {
    state: Mutex<State>,
    /// Wakes who stands still.
    goes_on: Condvar,
}

#[derive(Default)]
struct State {
    image: Image,
    faults: Faults,
    counts: Counts,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, as soon as the disk does not stall.
    fn moving(&self) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        if state.faults.stalls {
            state.counts.stalled += 1;
            state = self.goes_on.wait_while(state, |state| state.faults.stalls).unwrap_or_else(PoisonError::into_inner);
        }
        state
    }
}

impl Disk {
    /// Mounts an empty disk on a directory, which is made.
    ///
    /// # Errors
    /// The system refuses: it takes `/dev/fuse`, and root or `fusermount`.
    pub fn mount(point: &Path) -> Result<Self> {
        std::fs::create_dir_all(point)?;
        let shared = Arc::new(Shared { state: Mutex::default(), goes_on: Condvar::new() });
        let mut config = Config::default();
        config.mount_options = vec![
            MountOption::FSName(format!("jepsen-{}", std::process::id())),
            MountOption::Subtype("jepsen".to_owned()),
            MountOption::RW,
        ];
        config.n_threads = Some(THREADS);
        config.clone_fd = true;
        let session = fuser::spawn_mount(Served(Arc::clone(&shared)), point, &config).with_context(|| {
            format!("no disk can be mounted on {}: it takes root and /dev/fuse; or give --disk dir", point.display())
        })?;
        Ok(Self { shared, session: Some(session), point: point.to_owned() })
    }

    /// Sets what is wrong with it.
    pub fn set(&self, faults: Faults) {
        self.shared.lock().faults = faults;
        self.shared.goes_on.notify_all();
    }

    /// Ends a stall, and nothing else.
    pub fn go_on(&self) {
        self.shared.lock().faults.stalls = false;
        self.shared.goes_on.notify_all();
    }

    /// How much it holds at most.
    pub fn limit(&self, bytes_max: u64) {
        self.shared.lock().image.bytes_max = bytes_max;
    }

    /// The power goes. The daemon must be dead. Returns how many changes were not synced.
    pub fn lose(&self, loss: Loss, random: &mut Random) -> usize {
        let mut state = self.shared.lock();
        let unsynced = state.image.unsynced();
        state.counts.lost += unsynced as u64;
        state.image.lose(loss, random);
        unsynced
    }

    /// What it has done.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.shared.lock().counts
    }

    /// Bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.shared.lock().image.bytes()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.set(Faults::default());
        if let Some(session) = self.session.take()
            && let Err(error) = session.umount_and_join()
        {
            eprintln!("jepsen: {} cannot be unmounted: {error}", self.point.display());
        }
    }
}

struct Served(Arc<Shared>);

impl From<Refusal> for Errno {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Absent => Self::ENOENT,
            Refusal::Exists => Self::EEXIST,
            Refusal::NotEmpty => Self::ENOTEMPTY,
            Refusal::NotDirectory => Self::ENOTDIR,
            Refusal::IsDirectory => Self::EISDIR,
            Refusal::Full => Self::ENOSPC,
        }
    }
}

fn text(name: &OsStr) -> Result<&str, Errno> {
    name.to_str().ok_or(Errno::EINVAL)
}

fn attributes(image: &Image, number: Number) -> Result<FileAttr, Errno> {
    let node = image.node(number)?;
    let directory = matches!(node.content, Content::Directory(_));
    let (kind, nlink) = if directory { (FileType::Directory, 2) } else { (FileType::RegularFile, 1) };
    let size = node.length();
    let epoch = SystemTime::UNIX_EPOCH;
    Ok(FileAttr {
        ino: INodeNo(number),
        size,
        blocks: size.div_ceil(512),
        atime: epoch,
        mtime: epoch,
        ctime: epoch,
        crtime: epoch,
        kind,
        perm: node.mode,
        nlink,
        uid: 0,
        gid: 0,
        rdev: 0,
        blksize: 4096,
        flags: 0,
    })
}

fn made(state: &mut State, parent: INodeNo, name: &OsStr, content: Content, mode: u32) -> Result<FileAttr, Errno> {
    let mode = u16::try_from(mode & 0o7777).unwrap_or(0o600);
    let number = state.image.make(parent.0, text(name)?, content, mode)?;
    attributes(&state.image, number)
}

impl Served {
    fn sync(&self, number: INodeNo) -> Result<(), Errno> {
        let takes = self.0.lock().faults.sync_takes;
        if !takes.is_zero() {
            std::thread::sleep(takes);
        }
        let mut state = self.0.moving();
        if std::mem::take(&mut state.faults.fails_next_sync) {
            state.counts.failed_syncs += 1;
            return Err(Errno::EIO);
        }
        state.image.sync(number.0)?;
        state.counts.syncs += 1;
        Ok(())
    }

    fn empty(reply: ReplyEmpty, result: Result<(), Errno>) {
        match result {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(error),
        }
    }

    fn entry(reply: ReplyEntry, result: Result<FileAttr, Errno>) {
        match result {
            Ok(attributes) => reply.entry(&NEVER, &attributes, Generation(0)),
            Err(error) => reply.error(error),
        }
    }
}

impl Filesystem for Served {
    fn lookup(&self, _req: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let state = self.0.lock();
        let found = text(name).and_then(|name| Ok(state.image.find(parent.0, name)?));
        Self::entry(reply, found.and_then(|number| attributes(&state.image, number)));
    }

    fn getattr(&self, _req: &Request, ino: INodeNo, _fh: Option<FileHandle>, reply: ReplyAttr) {
        match attributes(&self.0.lock().image, ino.0) {
            Ok(attributes) => reply.attr(&NEVER, &attributes),
            Err(error) => reply.error(error),
        }
    }

    fn setattr(
        &self,
        _req: &Request,
        ino: INodeNo,
        _mode: Option<u32>,
        _uid: Option<u32>,
        _gid: Option<u32>,
        size: Option<u64>,
        _atime: Option<TimeOrNow>,
        _mtime: Option<TimeOrNow>,
        _ctime: Option<SystemTime>,
        _fh: Option<FileHandle>,
        _crtime: Option<SystemTime>,
        _chgtime: Option<SystemTime>,
        _bkuptime: Option<SystemTime>,
        _flags: Option<fuser::BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let mut state = self.0.moving();
        let resized = size.map_or(Ok(()), |size| state.image.resize(ino.0, size));
        match resized.map_err(Errno::from).and_then(|()| attributes(&state.image, ino.0)) {
            Ok(attributes) => reply.attr(&NEVER, &attributes),
            Err(error) => reply.error(error),
        }
    }

    fn mkdir(&self, _req: &Request, parent: INodeNo, name: &OsStr, mode: u32, umask: u32, reply: ReplyEntry) {
        let content = Content::Directory(Directory::default());
        Self::entry(reply, made(&mut self.0.moving(), parent, name, content, mode & !umask));
    }

    fn unlink(&self, _req: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let mut state = self.0.moving();
        Self::empty(reply, text(name).and_then(|name| Ok(state.image.remove(parent.0, name, false)?)));
    }

    fn rmdir(&self, _req: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let mut state = self.0.moving();
        Self::empty(reply, text(name).and_then(|name| Ok(state.image.remove(parent.0, name, true)?)));
    }

    fn rename(
        &self,
        _req: &Request,
        parent: INodeNo,
        name: &OsStr,
        newparent: INodeNo,
        newname: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        if !flags.is_empty() {
            return reply.error(Errno::EINVAL);
        }
        let mut state = self.0.moving();
        let names = text(name).and_then(|name| Ok((name, text(newname)?)));
        let renamed =
            names.and_then(|(name, newname)| Ok(state.image.rename((parent.0, name), (newparent.0, newname))?));
        Self::empty(reply, renamed);
    }

    fn open(&self, _req: &Request, ino: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        match self.0.lock().image.open(ino.0) {
            Ok(()) => reply.opened(FileHandle(0), FopenFlags::empty()),
            Err(refusal) => reply.error(refusal.into()),
        }
    }

    fn create(
        &self,
        _req: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        _flags: i32,
        reply: ReplyCreate,
    ) {
        let mut state = self.0.moving();
        let made = made(&mut state, parent, name, Content::File(File::default()), mode & !umask);
        match made.and_then(|attributes| Ok(state.image.open(attributes.ino.0).map(|()| attributes)?)) {
            Ok(attributes) => {
                reply.created(&NEVER, &attributes, Generation(0), FileHandle(0), FopenFlags::empty());
            }
            Err(error) => reply.error(error),
        }
    }

    fn read(
        &self,
        _req: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        offset: u64,
        size: u32,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.0.lock().image.read(ino.0, offset, size) {
            Ok(bytes) => reply.data(bytes),
            Err(refusal) => reply.error(refusal.into()),
        }
    }

    fn write(
        &self,
        _req: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        offset: u64,
        data: &[u8],
        _write_flags: WriteFlags,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let mut state = self.0.moving();
        state.counts.writes += 1;
        match state.image.write(ino.0, offset, data) {
            Ok(()) => reply.written(u32::try_from(data.len()).unwrap_or(u32::MAX)),
            Err(refusal) => reply.error(refusal.into()),
        }
    }

    fn flush(&self, _req: &Request, _ino: INodeNo, _fh: FileHandle, _lock_owner: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn release(
        &self,
        _req: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        _flush: bool,
        reply: ReplyEmpty,
    ) {
        self.0.lock().image.close(ino.0);
        reply.ok();
    }

    fn fsync(&self, _req: &Request, ino: INodeNo, _fh: FileHandle, _datasync: bool, reply: ReplyEmpty) {
        Self::empty(reply, self.sync(ino));
    }

    fn fsyncdir(&self, _req: &Request, ino: INodeNo, _fh: FileHandle, _datasync: bool, reply: ReplyEmpty) {
        Self::empty(reply, self.sync(ino));
    }

    fn readdir(&self, _req: &Request, ino: INodeNo, _fh: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let state = self.0.lock();
        let names = match state.image.names(ino.0) {
            Ok(names) => names,
            Err(refusal) => return reply.error(refusal.into()),
        };
        let kind = |number: Number| match state.image.node(number).map(|node| &node.content) {
            Ok(Content::Directory(_)) => FileType::Directory,
            Ok(Content::File(_)) | Err(_) => FileType::RegularFile,
        };
        let dots = [(".", ino.0), ("..", ino.0)];
        let all = dots.into_iter().chain(names.iter().map(|(name, number)| (name.as_str(), *number)));
        for (place, (name, number)) in (1..).zip(all).skip(usize::try_from(offset).unwrap_or(usize::MAX)) {
            if reply.add(INodeNo(number), place, kind(number), name) {
                break;
            }
        }
        reply.ok();
    }

    fn statfs(&self, _req: &Request, _ino: INodeNo, reply: ReplyStatfs) {
        let state = self.0.lock();
        let blocks = state.image.bytes_max.min(CAPACITY_BYTES) / BLOCK_BYTES;
        let free = blocks.saturating_sub(state.image.bytes().div_ceil(BLOCK_BYTES));
        let block = u32::try_from(BLOCK_BYTES).unwrap_or(4096);
        reply.statfs(blocks, free, free, 1 << 20, 1 << 20, block, 255, block);
    }
}

/// The kernel keeps no names and sizes: after a loss of power they are others.
const NEVER: Duration = Duration::ZERO;
/// Requests served side by side; a stall holds all of them, as a stalled disk does.
const THREADS: usize = 4;
/// What the disk says it holds where it has no limit.
const CAPACITY_BYTES: u64 = 64 << 30;
const BLOCK_BYTES: u64 = 4096;
