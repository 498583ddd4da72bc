//! What a q-value should have been.

use crate::Batch;

/// y = R + gamma^k Q_target(s', a*), \[B\], from q-values \[B, A\] of the next states.
///
/// a* is the best allowed action by `choose`: the online network's q-values for double Q-learning (van Hasselt et al., 2016),
/// the target network's own for the single one (Mnih et al., 2015). A discount of 0 leaves R, whatever the network says.
///
/// ```
/// use qstride_agent::{Batch, td_target::td_targets};
///
/// let mut batch = Batch::new(1, 1);
/// (batch.returns[0], batch.discounts[0]) = (1.0, 0.5);
/// let (online, target) = ([3.0, 2.0], [10.0, 20.0]);
/// let mut y = Vec::new();
/// td_targets(&batch, &online, &target, 2, &mut y);
/// assert_eq!(y, [1.0 + 0.5 * 10.0]);
/// td_targets(&batch, &target, &target, 2, &mut y);
/// assert_eq!(y, [1.0 + 0.5 * 20.0]);
/// ```
pub fn td_targets(
    batch: &Batch,
    choose: &[f32],
    evaluate: &[f32],
    actions: usize,
    targets: &mut Vec<f32>,
) {
    targets.clear();
    let rows = choose
        .chunks(actions)
        .zip(evaluate.chunks(actions))
        .take(batch.rows);
    targets.extend(
        rows.enumerate()
            .map(|(row, (choose, evaluate))| match batch.discounts[row] {
                0.0 => batch.returns[row],
                discount => {
                    batch.returns[row] + discount * evaluate[batch.next_masks[row].greedy(choose)]
                }
            }),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ActionMask;

    #[test]
    fn masks_and_terminal_states() {
        let mut batch = Batch::new(3, 1);
        batch.returns.copy_from_slice(&[1.0, 2.0, 3.0]);
        batch.discounts.copy_from_slice(&[0.5, 0.5, 0.0]);
        batch.next_masks[1] = ActionMask::ALL.without(0);
        let online = [9.0, 1.0, 9.0, 1.0, 9.0, 1.0];
        let target = [4.0, 6.0, 4.0, 6.0, f32::NAN, f32::NAN];
        let mut y = Vec::new();
        td_targets(&batch, &online, &target, 2, &mut y);
        assert_eq!(y, [1.0 + 2.0, 2.0 + 3.0, 3.0]);
    }
}
