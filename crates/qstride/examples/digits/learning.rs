//! The network of the examples as burn-train's learner wants it.

use std::sync::Arc;

use burn::data::dataloader::batcher::Batcher;
use burn::data::dataloader::{DataLoader, DataLoaderBuilder};
use burn::data::dataset::InMemDataset;
use burn::tensor::Device;
use burn::train::{ClassificationOutput, InferenceStep, TrainOutput, TrainStep};

use super::{BATCH, Batch, Digit, Mlp};

/// Batches on demand, in the same order in every epoch.
#[derive(Clone)]
pub struct DigitBatcher;

impl Batcher<Digit, Batch> for DigitBatcher {
    fn batch(&self, items: Vec<Digit>, device: &Device) -> Batch {
        Batch::new(&items, device)
    }
}

pub fn loader(digits: Vec<Digit>, device: &Device) -> Arc<dyn DataLoader<Batch>> {
    DataLoaderBuilder::new(DigitBatcher)
        .batch_size(BATCH)
        .set_device(device.clone())
        .build(InMemDataset::new(digits))
}

impl Mlp {
    fn output(&self, batch: Batch) -> ClassificationOutput {
        let (loss, logits) = (self.loss(&batch), self.forward(batch.images));
        ClassificationOutput::new(loss, logits, batch.digits)
    }
}

impl TrainStep for Mlp {
    type Input = Batch;
    type Output = ClassificationOutput;

    fn step(&self, batch: Batch) -> TrainOutput<ClassificationOutput> {
        let output = self.output(batch);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

impl InferenceStep for Mlp {
    type Input = Batch;
    type Output = ClassificationOutput;

    fn step(&self, batch: Batch) -> ClassificationOutput {
        self.output(batch)
    }
}
