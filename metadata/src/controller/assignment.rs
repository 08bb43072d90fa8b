//! Brokers that a request names itself.

use thalweg_model::BrokerId;

use super::{Controller, Refusal};

impl Controller<'_> {
    /// Checks the brokers of one partition; `factor` is how many the partitions before it have.
    pub(super) fn check_assignment(
        &self,
        brokers: &[BrokerId],
        factor: Option<usize>,
    ) -> Result<(), Refusal> {
        if brokers.is_empty() {
            return Err(Refusal::assignment(
                "The manual partition assignment includes an empty replica list.",
            ));
        }
        let mut sorted = brokers.to_vec();
        sorted.sort_unstable();
        let mut last = None;
        for broker in sorted {
            if self.image.broker(broker).is_none() {
                return Err(Refusal::assignment(format!(
                    "The manual partition assignment includes broker {broker}, but no such broker is registered."
                )));
            }
            if last == Some(broker) {
                return Err(Refusal::assignment(format!(
                    "The manual partition assignment includes the broker {broker} more than once."
                )));
            }
            last = Some(broker);
        }
        match factor {
            Some(factor) if factor != brokers.len() => Err(Refusal::assignment(format!(
                "The manual partition assignment includes a partition with {} replica(s), but this is not consistent \
                 with previous partitions, which have {factor} replica(s).",
                brokers.len()
            ))),
            Some(_) | None => Ok(()),
        }
    }
}
