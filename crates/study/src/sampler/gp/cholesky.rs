//! The Cholesky factor of a covariance matrix.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::{factor, inverse};
use faer::linalg::triangular_solve::{
    solve_lower_triangular_in_place, solve_upper_triangular_in_place,
};
use faer::{Mat, MatMut, Par};

/// The lower triangular L with C = L Lᵀ. Everything runs on the caller's thread, so that its bits do not depend on how many there are.
#[derive(Clone, Debug)]
pub(super) struct Cholesky {
    // Above the diagonal lies what the caller left there; nobody reads it.
    factor: Mat<f64>,
}

impl Cholesky {
    /// Of a matrix of which the lower half is filled; nothing when it is not positive definite to working precision.
    pub(super) fn of(mut matrix: Mat<f64>) -> Option<Self> {
        let size = matrix.nrows();
        let scratch = factor::cholesky_in_place_scratch::<f64>(size, Par::Seq, Default::default());
        factor::cholesky_in_place(
            matrix.as_mut(),
            Default::default(),
            Par::Seq,
            MemStack::new(&mut MemBuffer::new(scratch)),
            Default::default(),
        )
        .ok()?;
        let cholesky = Self { factor: matrix };
        cholesky.log_determinant().is_finite().then_some(cholesky)
    }

    /// ln det C.
    pub(super) fn log_determinant(&self) -> f64 {
        let size = self.factor.nrows();
        2.0 * (0..size).map(|i| self.factor[(i, i)].ln()).sum::<f64>()
    }

    /// L⁻¹ B in place, one column of B for each right side.
    pub(super) fn solve_lower(&self, right: MatMut<'_, f64>) {
        solve_lower_triangular_in_place(self.factor.as_ref(), right, Par::Seq);
    }

    /// L⁻ᵀ B in place.
    pub(super) fn solve_upper(&self, right: MatMut<'_, f64>) {
        solve_upper_triangular_in_place(self.factor.transpose(), right, Par::Seq);
    }

    /// C⁻¹ b, where b may be shorter than C: then C is its leading block of that size.
    pub(super) fn solve(&self, right: &[f64]) -> Vec<f64> {
        let size = right.len();
        let factor = self.factor.submatrix(0, 0, size, size);
        let mut solution = Mat::from_fn(size, 1, |i, _| right[i]);
        solve_lower_triangular_in_place(factor, solution.as_mut(), Par::Seq);
        solve_upper_triangular_in_place(factor.transpose(), solution.as_mut(), Par::Seq);
        (0..size).map(|i| solution[(i, 0)]).collect()
    }

    /// C⁻¹, of which only the lower half is filled.
    pub(super) fn inverse(&self) -> Mat<f64> {
        let size = self.factor.nrows();
        let mut result = Mat::zeros(size, size);
        let scratch = inverse::inverse_scratch::<f64>(size, Par::Seq);
        inverse::inverse(
            result.as_mut(),
            self.factor.as_ref(),
            Par::Seq,
            MemStack::new(&mut MemBuffer::new(scratch)),
        );
        result
    }
}
