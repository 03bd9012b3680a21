//! Where a session counts, and attaching there.

use portclass::{
    account::{Direction, InterfaceInfo, Origin},
    dataplane::{
        Access, AttachError, Dataplane, Interface, ObtainedHook, ObtainedMode, Role,
        probe::InterfaceFacts,
    },
    doctor::{down, refuses_metadata, why_not_attached},
};

use super::super::{Failure, not_loaded, stderr::say};
use crate::cli::{ObserveArgs, TagArg};

/// Where counters come from: one image of the kernel object for each.
pub struct Point {
    pub origin: Origin,
    /// Position of the image.
    image: usize,
}

impl Point {
    fn role(&self) -> Role {
        match self.origin.direction {
            Direction::Ingress => Role::Ingress,
            Direction::Egress => Role::Egress,
        }
    }

    /// Whether it observes `interface`.
    fn has(&self, interface: &Interface) -> bool {
        self.origin
            .interface
            .is_none_or(|index| index == interface.index)
    }
}

/// A point for each direction, and for each interface where they are counted by themselves.
pub fn points(
    args: &ObserveArgs,
    per_interface: bool,
    interfaces: &[Interface],
    dataplane: &mut Dataplane,
) -> Result<Vec<Point>, Failure> {
    let observed = if per_interface {
        interfaces
            .iter()
            .map(|interface| Some(interface.index))
            .collect()
    } else {
        vec![None]
    };
    let directions = [
        (Direction::Ingress, args.direction.has_ingress()),
        (Direction::Egress, args.direction.has_egress()),
    ];
    let mut points: Vec<Point> = Vec::new();
    for interface in observed {
        for (direction, _) in directions.into_iter().filter(|&(_, wanted)| wanted) {
            points.push(Point {
                origin: Origin {
                    interface,
                    direction,
                },
                image: points.len(),
            });
        }
    }
    // The first one is there from the start.
    dataplane.add_images(points.len() - 1).map_err(not_loaded)?;
    Ok(points)
}

/// Loads what the interfaces need, before anything is attached.
pub fn load(
    dataplane: &mut Dataplane,
    interfaces: &[Interface],
    points: &[Point],
    marks: bool,
) -> Result<(), Failure> {
    for point in points {
        for interface in interfaces.iter().filter(|interface| point.has(interface)) {
            // Attaching says what is wrong with one that has no known link.
            let Some(link) = interface.link else { continue };
            let image = dataplane.image(point.image);
            image.load(point.role(), link).map_err(not_loaded)?;
            if marks && point.role() == Role::Ingress {
                image.load(Role::Mark, link).map_err(not_loaded)?;
            }
        }
    }
    Ok(())
}

/// Attaches to both sides of an interface, as far as they are asked for.
pub fn attach(
    dataplane: &mut Dataplane,
    interface: &Interface,
    points: &[Point],
    args: &ObserveArgs,
) -> Result<InterfaceInfo, AttachError> {
    let mut info = InterfaceInfo {
        name: interface.name.clone(),
        index: interface.index,
        mode: None,
        egress: None,
        directions: Vec::new(),
        features: Vec::new(),
    };
    let (mut said, mut hooks) = (Vec::new(), Vec::new());
    for point in points.iter().filter(|point| point.has(interface)) {
        info.directions.push(point.origin.direction);
        match point.role() {
            Role::Egress => {
                let hook = attach_tc(dataplane, point, Role::Egress, interface, args)?;
                info.egress = Some(hook.name());
                hooks.push(hook);
                said.push(format!("egress {hook}"));
            }
            Role::Ingress | Role::Mark => {
                attach_xdp(dataplane, point, interface, args, &mut info, &mut said)?;
                if args.tags.contains(&TagArg::Mark) {
                    let hook = attach_tc(dataplane, point, Role::Mark, interface, args)?;
                    info.features.push("mark");
                    hooks.push(hook);
                    said.push(format!("mark by {hook}"));
                }
            }
        }
    }
    if hooks.contains(&ObtainedHook::Tcx) {
        info.features.push("tcx");
    }
    if !interface.is_up {
        say(format_args!("warning: {}", down(&interface.name)));
    }
    say(format_args!(
        "attached to {} ({})",
        interface.name,
        said.join(", ")
    ));
    Ok(info)
}

/// Attaches to what arrives, and says what of that is less than it could be.
fn attach_xdp(
    dataplane: &mut Dataplane,
    point: &Point,
    interface: &Interface,
    args: &ObserveArgs,
    info: &mut InterfaceInfo,
    said: &mut Vec<String>,
) -> Result<(), AttachError> {
    let attachment = dataplane.attach(point.image, interface, args.mode.into())?;
    info.mode = Some(attachment.mode.name());
    said.push(attachment.mode.to_string());
    let mut features = Vec::new();
    if dataplane.image(point.image).access() == Access::Copied {
        features.push("copies");
    }
    if attachment.takes_frags {
        features.push("frags");
    } else {
        said.push("without frags".to_owned());
    }
    if let Some(error) = attachment.fallback {
        let why = why_not_attached(&error, &InterfaceFacts::read(interface)).summary;
        say(format_args!(
            "warning: {}: {why}; attaching in generic mode instead",
            interface.name
        ));
    }
    if args.tags.contains(&TagArg::Metadata) {
        let is_native = attachment.mode == ObtainedMode::Native;
        let refusal = is_native.then(|| InterfaceFacts::read(interface));
        match refusal.as_ref().and_then(refuses_metadata) {
            Some(refusal) => say(format_args!("warning: {refusal}")),
            None => features.push("metadata"),
        }
    }
    said.extend(features.iter().map(|&feature| feature.to_owned()));
    info.features.extend(features);
    Ok(())
}

/// Attaches at tc, and says where.
fn attach_tc(
    dataplane: &mut Dataplane,
    point: &Point,
    role: Role,
    interface: &Interface,
    args: &ObserveArgs,
) -> Result<ObtainedHook, AttachError> {
    let attachment = dataplane.attach_tc(point.image, role, interface, args.tc_hook.into())?;
    if !attachment.is_first {
        let name = &interface.name;
        let done = if role == Role::Mark {
            "marked"
        } else {
            "counted"
        };
        say(format_args!(
            "warning: {name}: filters before portclass may end the chain; what they end is not {done}"
        ));
    }
    Ok(attachment.hook)
}
