//! The layers of a registry: later ones win, and a look-up says which one spoke.

use portclass_common::{port::PortKey, transport::Transport};
use serde::{Serialize, Serializer};

/// Where a name comes from, lowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// The registry file.
    Iana,
    /// The reviewed table that picks among IANA's own names.
    Preferred,
    /// The host's `/etc/services`.
    EtcServices,
    /// What the site says.
    Overlay,
}

impl Layer {
    const ALL: [Self; 4] = [
        Self::Iana,
        Self::Preferred,
        Self::EtcServices,
        Self::Overlay,
    ];

    /// The name that reports use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Iana => "iana",
            Self::Preferred => "preferred",
            Self::EtcServices => "etc-services",
            Self::Overlay => "overlay",
        }
    }
}

/// The set of layers that a registry is made of, as the pinned `state` map carries it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layers(u32);

impl Layers {
    /// These layers and `layer`.
    #[must_use]
    pub const fn with(self, layer: Layer) -> Self {
        Self(self.0 | 1 << layer as u32)
    }

    /// These layers but `layer`.
    #[must_use]
    pub const fn without(self, layer: Layer) -> Self {
        Self(self.0 & !(1 << layer as u32))
    }

    /// The layers, lowest first.
    pub fn iter(self) -> impl Iterator<Item = Layer> {
        Layer::ALL
            .into_iter()
            .filter(move |&layer| self.0 & 1 << layer as u32 != 0)
    }

    /// The names of the layers, lowest first.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        self.iter().map(Layer::name)
    }

    /// One bit a layer.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// The set with those bits; bits without a layer are dropped.
    pub const fn of_bits(bits: u32) -> Self {
        Self(bits & ((1 << Self::COUNT) - 1))
    }

    const COUNT: usize = Layer::ALL.len();
}

impl Serialize for Layers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

/// The table of preferred names; a test reads it whole.
const PREFERRED_NAMES: &str = include_str!("../../data/preferred-names.csv");

/// The preferred name of each port that has one.
pub(super) fn preferred_names() -> impl Iterator<Item = (PortKey, &'static str)> {
    PREFERRED_NAMES.lines().skip(1).filter_map(|line| {
        let mut fields = line.split(',');
        let name = fields.next()?;
        let port = fields.next()?.parse().ok()?;
        let transport = Transport::of_name(fields.next()?)?;
        Some((PortKey::new(port, transport), name))
    })
}

#[cfg(test)]
mod tests {
    use super::{Layer, Layers, PREFERRED_NAMES, preferred_names};

    #[test]
    fn every_line_of_the_shipped_table_is_read() {
        assert_eq!(PREFERRED_NAMES.lines().next(), Some("name,port,transport"));
        assert_eq!(
            preferred_names().count(),
            PREFERRED_NAMES.lines().count() - 1
        );
        assert_eq!(preferred_names().count(), 5);
    }

    #[test]
    fn a_set_of_layers_survives_its_bits() {
        let all = Layer::ALL.into_iter().fold(Layers::default(), Layers::with);
        assert_eq!(Layers::of_bits(all.bits() | 1 << 31), all);
        assert_eq!(all.iter().collect::<Vec<_>>(), Layer::ALL);
        let some = Layers::default().with(Layer::Overlay).with(Layer::Iana);
        assert_eq!(
            some.iter().collect::<Vec<_>>(),
            [Layer::Iana, Layer::Overlay]
        );
    }
}
