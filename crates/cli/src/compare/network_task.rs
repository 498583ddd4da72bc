//! A Burn network on data, as an objective.

use std::sync::Arc;

use anyhow::{Result, ensure};
use qstride_agent::{DeviceKind, ModuleObjective};
use qstride_objectives::dataset::Split;
use qstride_objectives::{StochasticObjective, Streams};

use crate::fit::examples::Examples;
use crate::fit::model::{Architecture, Network};
use crate::fit::score::score;

/// The mean loss of the network over the train part of `split`, standardised as the split has it: the same numbers that the
/// objectives of [`qstride_objectives::task`] see, in single precision. The loss is the cross-entropy for classes, the squared
/// error of the standardised target for numbers; the test score is the accuracy, or R².
///
/// The start is drawn from the stream `initial weights` of `seed`. The name is that of the data and the model, `digits/cnn`, the
/// family that of the model, `cnn`.
///
/// # Errors
/// An architecture that does not go with the data.
pub fn network_task(
    architecture: &Architecture,
    split: &Arc<Split>,
    seed: u64,
) -> Result<Arc<dyn StochasticObjective>> {
    let data = split.train();
    let (inputs, outputs) = (data.columns(), data.classes().unwrap_or(1));
    ensure!(
        (architecture.inputs, architecture.outputs) == (inputs, outputs),
        "{} is built for {} features and {} outputs, but {} has {inputs} and {outputs}",
        architecture.model,
        architecture.inputs,
        architecture.outputs,
        data.name()
    );
    let device = DeviceKind::Flex.device();
    let mut random = Streams::new(seed).stream("initial weights");
    let network = architecture.init(&mut random, &device);
    let (train, test) = (Examples::new(data), Examples::new(split.test()));
    let (samples, test_device) = (train.len(), device.clone());

    let model = architecture.model.to_string();
    let family = model.split(':').next().unwrap_or_default();
    let loss = move |network: &Network, indices: &[usize]| {
        let batch = train.batch(indices, &device);
        batch.targets.loss(network.forward(batch.inputs))
    };
    let name = format!("{}/{model}", data.name());
    let objective = ModuleObjective::new(name, network, samples, loss)?
        .family(family)
        .scored(move |network| {
            let score = score(network, &test, &test_device).test;
            Some(score).filter(|score| !score.is_nan())
        });
    Ok(Arc::new(objective))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::model::Model;
    use qstride_control::rivals::BarzilaiBorwein;
    use qstride_control::{DeterministicEpisode, DeterministicSettings, StartRate, run};
    use qstride_objectives::dataset::Dataset;
    use qstride_objectives::generated::generate_regression;
    use qstride_objectives::task::{self, task};

    fn network(model: &str, data: &Dataset) -> (Arc<dyn StochasticObjective>, Arc<Split>) {
        let architecture = Model::parse(model).unwrap().architecture(data).unwrap();
        let split = Arc::new(data.split(0.75, 1).unwrap());
        (network_task(&architecture, &split, 1).unwrap(), split)
    }

    #[test]
    fn the_digits_are_learned_by_convolutions() {
        let data = Dataset::digits().unwrap();
        let (cnn, split) = network("cnn", &data);
        assert_eq!((cnn.name(), cnn.family()), ("digits/cnn", "cnn"));
        assert_eq!(cnn.dimension(), 80 + 1168 + 650);
        assert_eq!(cnn.samples(), split.train().rows());
        let architecture = Model::Cnn.architecture(&data).unwrap();
        let again = network_task(&architecture, &split, 1).unwrap();
        assert_eq!(cnn.start(), again.start());
        let other = network_task(&architecture, &split, 2).unwrap();
        assert!(cnn.start() != other.start());

        let settings = DeterministicSettings {
            budget: 60,
            start_rate: StartRate::Given(0.1),
            ..DeterministicSettings::default()
        };
        let mut method = BarzilaiBorwein::nonmonotone();
        let mut episode = DeterministicEpisode::start(cnn.clone(), settings, &method);
        let record = run(&mut episode, &mut method);
        assert!(record.best_value < 0.5, "{}", record.best_value);
    }

    #[test]
    fn it_sees_the_data_of_the_plain_objectives() {
        // A softmax starts at 0 in both: value, gradient norm and accuracy are those of the data alone. Only the plain one has a
        // ridge, which is 0 there.
        let data = Dataset::digits().unwrap();
        let (burn, split) = network("softmax", &data);
        let plain = task(&task::Model::Softmax, &split, 1).unwrap();
        let x = burn.start();
        assert_eq!(x, plain.start());
        let batch: Vec<usize> = (0..32).map(|i| 40 * i).collect();
        let (mut g, mut h) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        let value = burn.batch_value_and_gradient(&x, &batch, &mut g);
        let wanted = plain.batch_value_and_gradient(&x, &batch, &mut h);
        assert!((value - wanted).abs() < 1e-6 * wanted);
        let norm = |g: &[f64]| g.iter().map(|v| v * v).sum::<f64>().sqrt();
        assert!((norm(&g) - norm(&h)).abs() < 1e-5 * norm(&h));
        assert_eq!(burn.test_score(&x), plain.test_score(&x));
    }

    #[test]
    fn numbers_have_r2_and_what_does_not_fit_is_refused() {
        let data = generate_regression(80, 5, 2).unwrap();
        let (mlp, split) = network("mlp:4", &data);
        assert_eq!(mlp.family(), "mlp");
        assert!(mlp.test_score(&mlp.start()).is_some_and(|r2| r2 < 1.0));
        let digits = Dataset::digits().unwrap();
        let wrong = Model::Cnn.architecture(&digits).unwrap();
        let error = network_task(&wrong, &split, 1).err().unwrap().to_string();
        assert!(error.contains("cnn is built for 64 features and 10 outputs, but"));
    }
}
