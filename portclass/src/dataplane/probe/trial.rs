//! Attaching to find out: what is attached is taken off at once, and goes with the process in any case.

use crate::dataplane::{
    AttachError, Dataplane, DataplaneError, Interface, Maps, Mode, Role, Settings, TcHook,
};

/// What attaching came to.
#[derive(Debug)]
pub struct Tried {
    /// In native mode.
    pub native: Result<(), AttachError>,
    /// In generic mode.
    pub generic: Result<(), AttachError>,
    /// At tcx, for what leaves.
    pub tcx: Result<(), AttachError>,
}

impl Tried {
    /// Attaches to `interface` in native mode, in generic mode, and at tcx, one after the other. In native mode the driver
    /// may reset the hardware, and lose frames for a second.
    ///
    /// # Errors
    ///
    /// What a run loads in any case cannot be loaded.
    pub fn on(interface: &Interface) -> Result<Self, DataplaneError> {
        let mut dataplane = Dataplane::open(Maps::Private { entries: 0 }, Settings::default())?;
        if let Some(link) = interface.link {
            dataplane.image(0).load(Role::Ingress, link)?;
        }
        let mut xdp = |mode| {
            let attached = dataplane.attach(0, interface, mode).map(drop);
            dataplane.detach_from(interface);
            attached
        };
        let (native, generic) = (xdp(Mode::Native), xdp(Mode::Generic));
        let loaded = interface
            .link
            .map_or(Ok(()), |link| dataplane.image(0).load(Role::Egress, link));
        let tcx = loaded
            .map_err(|error| AttachError::not_loaded(interface, &error))
            .and_then(|()| dataplane.attach_tc(0, Role::Egress, interface, TcHook::Tcx));
        Ok(Self {
            native,
            generic,
            tcx: tcx.map(drop),
        })
    }
}
