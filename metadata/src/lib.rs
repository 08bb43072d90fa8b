//! Cluster metadata: controller commands become records, records fold into an image.
