//! What a loss of power takes, and what it must leave.

use super::{Content, Directory, File, Image, Loss, ROOT, Refusal};
use crate::random::Random;

fn file() -> Content {
    Content::File(File::default())
}

fn read(image: &Image, name: &str) -> Option<Vec<u8>> {
    let number = image.find(ROOT, name).ok()?;
    Some(image.read(number, 0, u32::MAX).unwrap().to_vec())
}

#[test]
fn unsynced_bytes_and_names_are_lost_and_synced_ones_stay() {
    let mut image = Image::default();
    let log = image.make(ROOT, "log", file(), 0o600).unwrap();
    image.write(log, 0, b"one").unwrap();
    image.sync(log).unwrap();
    image.sync(ROOT).unwrap();
    image.write(log, 3, b"two").unwrap();
    let other = image.make(ROOT, "other", file(), 0o600).unwrap();
    image.write(other, 0, b"x").unwrap();
    image.sync(other).unwrap();
    assert_eq!(read(&image, "log").unwrap(), b"onetwo");
    image.lose(Loss::All, &mut Random::new(1));
    assert_eq!(read(&image, "log").unwrap(), b"one");
    assert_eq!(read(&image, "other"), None, "its bytes were synced, its name was not");
    assert_eq!((image.unsynced(), image.bytes()), (0, 3));
}

#[test]
fn an_unsynced_rename_is_whole_or_absent() {
    for seed in 0..50 {
        let mut image = Image::default();
        for (name, bytes) in [("vote", b"old"), ("vote.new", b"new")] {
            let node = image.make(ROOT, name, file(), 0o600).unwrap();
            image.write(node, 0, bytes).unwrap();
            image.sync(node).unwrap();
        }
        image.sync(ROOT).unwrap();
        image.rename((ROOT, "vote.new"), (ROOT, "vote")).unwrap();
        assert_eq!(read(&image, "vote").unwrap(), b"new");
        image.lose(Loss::Tear, &mut Random::new(seed));
        let (vote, beside) = (read(&image, "vote").unwrap(), read(&image, "vote.new"));
        assert!((vote == b"old" && beside.is_some()) || (vote == b"new" && beside.is_none()));
    }
}

#[test]
fn every_loss_keeps_what_was_synced_and_invents_nothing() {
    let mut seen = std::collections::BTreeSet::new();
    for loss in [Loss::All, Loss::Tear, Loss::Reorder] {
        for seed in 0..200 {
            let mut image = Image::default();
            let log = image.make(ROOT, "log", file(), 0o600).unwrap();
            image.write(log, 0, &[1; 5_000]).unwrap();
            image.sync(log).unwrap();
            image.sync(ROOT).unwrap();
            for number in 0..5_u64 {
                image.write(log, 5_000 + number * 3_000, &[2; 3_000]).unwrap();
            }
            image.lose(loss, &mut Random::new(seed));
            let data = read(&image, "log").unwrap();
            assert!(data.len() >= 5_000 && data.len() <= 20_000);
            assert!(data[..5_000].iter().all(|byte| *byte == 1), "{loss:?} touched what was synced");
            assert!(data[5_000..].iter().all(|byte| *byte == 2 || *byte == 0));
            if loss == Loss::All {
                assert_eq!(data.len(), 5_000);
            }
            seen.insert((loss as u8, data.len(), data[5_000..].contains(&0)));
        }
    }
    assert!(seen.len() > 20, "losses differ: {}", seen.len());
    assert!(seen.iter().any(|(loss, _, hole)| *loss == Loss::Reorder as u8 && *hole), "no hole was left");
}

#[test]
fn names_follow_the_rules_of_a_file_system() {
    let mut image = Image::default();
    let directory = image.make(ROOT, "d", Content::Directory(Directory::default()), 0o700).unwrap();
    let inner = image.make(directory, "f", file(), 0o600).unwrap();
    assert_eq!(image.make(directory, "f", file(), 0o600), Err(Refusal::Exists));
    assert_eq!(image.remove(ROOT, "d", true), Err(Refusal::NotEmpty));
    assert_eq!(image.remove(ROOT, "d", false), Err(Refusal::IsDirectory));
    assert_eq!(image.find(ROOT, "x"), Err(Refusal::Absent));
    image.rename((directory, "f"), (ROOT, "g")).unwrap();
    image.remove(ROOT, "d", true).unwrap();
    // An open file outlives its name.
    image.open(inner).unwrap();
    image.remove(ROOT, "g", false).unwrap();
    image.sync(ROOT).unwrap();
    image.write(inner, 0, b"still").unwrap();
    assert_eq!(image.read(inner, 1, 2).unwrap(), b"ti");
    image.close(inner);
    assert_eq!(image.read(inner, 0, 1), Err(Refusal::Absent));
}

#[test]
fn a_full_disk_refuses_growth_and_takes_what_does_not_grow() {
    let mut image = Image { bytes_max: 10, ..Image::default() };
    let log = image.make(ROOT, "log", file(), 0o600).unwrap();
    image.write(log, 0, &[1; 10]).unwrap();
    assert_eq!(image.write(log, 10, b"x"), Err(Refusal::Full));
    image.write(log, 5, b"x").unwrap();
    image.resize(log, 4).unwrap();
    image.write(log, 4, b"xyz").unwrap();
    assert_eq!(image.bytes(), 7);
}
