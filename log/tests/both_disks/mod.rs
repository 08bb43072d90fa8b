//! Runs a test on the real disk and on the simulated one.

/// Makes each `fn name(disk, home)` a test that runs on both disks; `home` is an empty directory.
macro_rules! on_both_disks {
    ($(fn $name:ident($disk:ident, $home:ident) $body:block)*) => {$(
        #[test]
        fn $name() {
            fn check<D: thalweg_log::disk::Disk>($disk: &D, $home: &std::path::Path) $body
            let real = tempfile::tempdir().unwrap();
            check(&thalweg_log::disk::RealDisk, real.path());
            let sim = thalweg_log::disk::SimDisk::new(7);
            let home = std::path::Path::new("/home");
            thalweg_log::disk::Disk::create_dir_all(&sim, home).unwrap();
            check(&sim, home);
        }
    )*};
}
