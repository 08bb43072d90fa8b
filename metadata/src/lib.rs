//! Cluster metadata: controller commands become records, records fold into an image.
//!
//! A command goes to the [`Controller`], which answers with records and a reply and changes nothing. Once the records are
//! committed, [`MetadataImage::apply`] folds them into the next image: the same fold live, after a restart and on a
//! follower. The image is immutable and cheap to clone; every node answers Metadata from its own.

pub mod config;
pub mod controller;
pub mod image;
pub mod limits;
pub mod record;
pub mod start;

pub use controller::Controller;
pub use image::{MetadataChanges, MetadataDelta, MetadataImage};
pub use record::MetadataRecord;
