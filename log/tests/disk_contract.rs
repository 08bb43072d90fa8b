//! What every disk promises, on the real one and on the simulated one.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::io::{ErrorKind, IoSlice};
use std::path::{Path, PathBuf};

use thalweg_log::aligned::AlignedBuf;
use thalweg_log::disk::{Disk, DiskFile, OpenMode};

#[macro_use]
mod both_disks;

fn bytes_at<D: Disk>(disk: &D, path: &Path) -> Vec<u8> {
    let file = disk.open(path, OpenMode::Read).unwrap();
    let mut bytes = vec![0; usize::try_from(file.len().unwrap()).unwrap()];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

on_both_disks! {
    fn writes_are_read_back(disk, home) {
        let path = home.join("a");
        let file = disk.open(&path, OpenMode::Create).unwrap();
        file.write_all_at(b"0123456789", 0).unwrap();
        file.write_all_at(b"abc", 12).unwrap();
        let pieces = [&b""[..], b"xy", b"", b"z"];
        file.write_vectored_at(&pieces.map(IoSlice::new), 1).unwrap();
        file.sync_data().unwrap();
        assert_eq!(bytes_at(disk, &path), b"0xyz456789\0\0abc");
        file.set_len(4).unwrap();
        file.set_len(6).unwrap();
        assert_eq!(bytes_at(disk, &path), b"0xyz\0\0");
        let mut beyond = [0; 3];
        let error = file.read_exact_at(&mut beyond, 4).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    }

    fn many_pieces_are_one_write(disk, home) {
        let path = home.join("pieces");
        let file = disk.open(&path, OpenMode::Create).unwrap();
        let numbers: Vec<[u8; 4]> = (0..5000_u32).map(u32::to_le_bytes).collect();
        let pieces: Vec<IoSlice<'_>> = numbers.iter().map(|n| IoSlice::new(n)).collect();
        file.write_vectored_at(&pieces, 3).unwrap();
        assert_eq!(bytes_at(disk, &path)[3..], numbers.concat());
    }

    fn names_come_and_go(disk, home) {
        let dir = home.join("d/e");
        disk.create_dir_all(&dir).unwrap();
        disk.create_dir_all(&dir).unwrap();
        for name in ["b", "a", "c"] {
            let file = disk.open(&dir.join(name), OpenMode::Create).unwrap();
            file.write_all_at(name.as_bytes(), 0).unwrap();
        }
        disk.rename(&dir.join("a"), &dir.join("b")).unwrap();
        disk.remove_file(&dir.join("c")).unwrap();
        disk.sync_dir(&dir).unwrap();
        assert_eq!(disk.list(&dir).unwrap(), [PathBuf::from("b")]);
        assert_eq!(bytes_at(disk, &dir.join("b")), b"a");
        let moved = home.join("moved");
        disk.rename(&dir, &moved).unwrap();
        assert_eq!(bytes_at(disk, &moved.join("b")), b"a");
        disk.remove_dir_all(&moved).unwrap();
        for gone in [&moved, &dir] {
            assert_eq!(disk.list(gone).unwrap_err().kind(), ErrorKind::NotFound);
        }
    }

    fn what_is_missing_is_said(disk, home) {
        let missing = home.join("missing");
        for mode in [OpenMode::Read, OpenMode::Write] {
            let error = disk.open(&missing, mode).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound);
        }
        let error = disk
            .open(&missing.join("file"), OpenMode::Create)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let error = disk.remove_file(&missing).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }

    fn an_unlinked_file_lives_while_it_is_open(disk, home) {
        let path = home.join("unlinked");
        let file = disk.open(&path, OpenMode::Create).unwrap();
        file.write_all_at(b"still here", 0).unwrap();
        disk.remove_file(&path).unwrap();
        let mut bytes = [0; 10];
        file.read_exact_at(&mut bytes, 0).unwrap();
        assert_eq!(&bytes, b"still here");
    }

    fn direct_writes_are_read_back(disk, home) {
        let path = home.join("direct");
        let file = disk.open(&path, OpenMode::DirectSync).unwrap();
        let mut block = AlignedBuf::with_capacity(8192);
        block.extend(b"payload");
        block.resize(8192);
        file.write_all_at(&block, 4096).unwrap();
        let bytes = bytes_at(disk, &path);
        assert_eq!(bytes.len(), 12288);
        assert_eq!(&bytes[4096..4103], b"payload");
        let mut read = AlignedBuf::with_capacity(4096);
        read.resize(4096);
        file.read_exact_at(&mut read, 4096).unwrap();
        assert_eq!(&read[..8], b"payload\0");
    }
}
