//! The device on which the network learns; the only file that names a Burn backend.

use std::fmt;
use std::str::FromStr;

use burn::tensor::Device;
// burn-ndarray is deprecated upstream and pinned here: it is the second opinion on every number.
#[allow(deprecated)]
use burn_ndarray::NdArrayDevice;
use serde::{Deserialize, Serialize};

/// A processor backend of Burn.
///
/// ```
/// use qstride_agent::DeviceKind;
///
/// assert_eq!("ndarray".parse(), Ok(DeviceKind::NdArray));
/// assert!("gpu".parse::<DeviceKind>().unwrap_err().to_string().contains("flex or ndarray"));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceKind {
    /// Burn's own processor backend, the faster one.
    #[default]
    Flex,
    /// The backend on the `ndarray` crate, kept to hold the first one against.
    NdArray,
}

/// The name of no device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown device '{name}': use flex or ndarray")]
pub struct UnknownDevice {
    /// The name as it was given.
    pub name: String,
}

impl DeviceKind {
    /// Both kinds, the default first.
    pub const ALL: [Self; 2] = [Self::Flex, Self::NdArray];

    /// The Burn device, without autodiff.
    #[allow(deprecated)]
    pub fn device(self) -> Device {
        match self {
            Self::Flex => Device::flex(),
            Self::NdArray => Device::new(NdArrayDevice::default()),
        }
    }
}

impl fmt::Display for DeviceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flex => "flex",
            Self::NdArray => "ndarray",
        })
    }
}

impl FromStr for DeviceKind {
    type Err = UnknownDevice;

    fn from_str(name: &str) -> Result<Self, UnknownDevice> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.to_string() == name)
            .ok_or_else(|| UnknownDevice { name: name.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        for kind in DeviceKind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
        }
        assert_eq!(DeviceKind::default(), DeviceKind::Flex);
    }
}
