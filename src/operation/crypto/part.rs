//! Operations in several parts (1.4 §6.14, 2.1 §6.1): the fields that say which part this is, and
//! what is kept between them.

use ttlv::{Node, Tag};

use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::engine::streams::{Bound, State};
use crate::object::managed::Sealed;
use crate::protocol::enumeration::Operation;
use crate::protocol::structure::{Bytes, Field, Inexpressible, Malformed};
use crate::protocol::tag;
use crate::protocol::version::Version;

/// Correlation Value, Init Indicator and Final Indicator: neighbours in every payload that has them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Part {
    correlation_value: Option<Bytes>,
    init_indicator: Option<bool>,
    final_indicator: Option<bool>,
}

impl Field for Part {
    const REQUIRED: bool = false;

    fn take(_: Tag, items: &[Node<'_>]) -> Result<Self, Malformed> {
        Ok(Part {
            correlation_value: Field::take(tag::CORRELATION_VALUE, items)?,
            init_indicator: Field::take(tag::INIT_INDICATOR, items)?,
            final_indicator: Field::take(tag::FINAL_INDICATOR, items)?,
        })
    }

    fn put<'a>(
        &'a self,
        _: Tag,
        version: Version,
        out: &mut Vec<Node<'a>>,
    ) -> Result<(), Inexpressible> {
        self.correlation_value
            .put(tag::CORRELATION_VALUE, version, out)?;
        self.init_indicator.put(tag::INIT_INDICATOR, version, out)?;
        self.final_indicator.put(tag::FINAL_INDICATOR, version, out)
    }

    fn is_absent(&self) -> bool {
        *self == Part::default()
    }
}

/// Which part a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// All of it.
    Whole,
    First,
    Next(&'a Bytes),
    Last(&'a Bytes),
}

impl Part {
    /// A first part, or one that follows the others; the last one says so.
    pub fn of(correlation_value: Option<Bytes>, last: bool) -> Part {
        Part {
            init_indicator: correlation_value.is_none().then_some(true),
            correlation_value,
            final_indicator: last.then_some(true),
        }
    }

    pub fn step(&self) -> Result<Step<'_>, Fault> {
        let last = self.final_indicator == Some(true);
        match (&self.correlation_value, self.init_indicator == Some(true)) {
            (None, true) if last => Ok(Step::Whole),
            (None, true) => Ok(Step::First),
            (None, false) if self.final_indicator == Some(false) => Err(Fault::new(
                Reason::InvalidField,
                "a part that is not the last needs an Init Indicator or the Correlation Value of the parts before",
            )),
            (None, false) => Ok(Step::Whole),
            (Some(_), true) => Err(Fault::new(
                Reason::InvalidField,
                "a first part (Init Indicator) has no Correlation Value yet",
            )),
            (Some(value), false) if last => Ok(Step::Last(value)),
            (Some(value), false) => Ok(Step::Next(value)),
        }
    }
}

impl Step<'_> {
    /// A beginning: usage is charged here, parameters are taken from here.
    pub fn begins(self) -> bool {
        matches!(self, Step::Whole | Step::First)
    }

    pub fn is_last(self) -> bool {
        matches!(self, Step::Whole | Step::Last(_))
    }

    /// What the parts before left.
    pub fn resume(
        self,
        context: &Context,
        operation: Operation,
        key: Option<&Sealed>,
    ) -> Result<Option<State>, Fault> {
        match self {
            Step::Whole | Step::First => Ok(None),
            Step::Next(value) | Step::Last(value) => context
                .engine
                .streams
                .take(value, &bound(context, operation, key))
                .map(Some),
        }
    }

    /// Keeps what the next part needs; answers the Correlation Value by which it is found.
    pub async fn keep(
        self,
        context: &Context,
        operation: Operation,
        key: Option<&Sealed>,
        state: State,
    ) -> Result<Option<Bytes>, Fault> {
        let value = match self {
            Step::Whole | Step::Last(_) => return Ok(None),
            Step::First => context.engine.hsm.random(16).await?,
            Step::Next(value) => value.clone(),
        };
        let name = value.first_chunk::<16>().copied().ok_or_else(|| {
            Fault::new(Reason::Internal, "the Correlation Value could not be made")
        })?;
        let bound = bound(context, operation, key);
        context.engine.streams.keep(name, bound, state)?;
        Ok(Some(value))
    }
}

fn bound(context: &Context, operation: Operation, key: Option<&Sealed>) -> Bound {
    Bound {
        tenant: context.tenant(),
        identity: context.caller.identity.name.clone(),
        operation,
        key: key.map(|key| (key.unique_identifier.clone(), context.version_of(key))),
    }
}

/// A parameter that only a beginning can have, or must have.
pub fn data<'a>(step: Step<'_>, data: Option<&'a Bytes>) -> Result<&'a [u8], Fault> {
    match data {
        Some(data) => Ok(data),
        None if step == Step::Whole => {
            Err(Fault::new(Reason::MissingData, "the request holds no Data"))
        }
        None => Ok(&[]),
    }
}
