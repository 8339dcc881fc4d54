//! Objects: searches through Locate, attributes through Get Attributes. What PKCS#11 calls an
//! attribute is read off the KMIP attributes; never off a key's value.

use std::collections::{HashSet, VecDeque};

use ttlv::{Node, Value};

use super::attribute::{self, Told};
use super::call::{Answer, Call, Stop, refusal};
use super::parameters::Writer;
use super::template::{self, Template};
use crate::engine::cryptoki;
use crate::operation::attribute::get_attributes::{GetAttributes, GetAttributesRequest};
use crate::operation::object::locate::{Locate, LocateRequest};
use crate::protocol::attributes::{Attribute, Attributes};
use crate::protocol::enumeration::{LinkType, Operation, Pkcs11ReturnCode as Code};
use crate::protocol::identifier::Identifier;
use crate::protocol::tag;

/// C_FindObjectsInit: the objects that match are found at once, and given as they are asked for.
pub async fn find(call: &mut Call<'_>) -> Answer {
    let session = call.input.long()?;
    let template = Template::read(&mut call.input)?;
    call.input.end()?;
    call.session(session, 0, |session| match &session.found {
        Some(_) => Err(Code::OPERATION_ACTIVE),
        None => Ok(()),
    })?;
    let (mut matching, mut seen) = (Vec::new(), HashSet::new());
    for wanted in searches(&template) {
        for name in located(call, wanted).await? {
            let fits = !template.has_more_than_class() || matches(call, &name, &template).await?;
            if fits && seen.insert(name.clone()) {
                matching.push(name);
            }
        }
    }
    let room = cryptoki::room_for(matching.iter().map(|name: &String| name.as_str()));
    let found: VecDeque<u64> = call.library(room, |library| {
        matching.iter().map(|name| library.handle(name)).collect()
    })?;
    call.session(session, 0, |session| {
        session.found = Some(found);
        Ok(())
    })?;
    Ok(None)
}

/// What Locate can look for; the rest is compared afterwards. CKA_ID is shared by the halves of a
/// pair, so it takes two searches. No search: nothing can match.
fn searches(template: &Template) -> Vec<Attributes> {
    let Some(common) = template::located_by(template) else {
        return Vec::new();
    };
    let ids = match template.bytes(token::raw::CKA_ID).map(std::str::from_utf8) {
        None => vec![None],
        Some(Ok(id)) => by_id(id).into_iter().map(Some).collect(),
        Some(Err(_)) => return Vec::new(),
    };
    let mut searches = Vec::new();
    for object_type in template::classes(template) {
        for id in &ids {
            let class = Value::Enumeration(object_type.0);
            let mut wanted = vec![Attribute::standard(tag::OBJECT_TYPE, class)];
            wanted.extend(common.iter().chain(id).cloned());
            searches.push(Attributes(wanted));
        }
    }
    searches
}

/// An object of that CKA_ID: it has the identifier itself, or is the other half of a pair.
fn by_id(id: &str) -> [Attribute; 2] {
    let text = || Value::TextString(id.to_owned().into());
    let link = Value::Structure(vec![
        Node::new(
            tag::LINK_TYPE,
            Value::Enumeration(LinkType::PRIVATE_KEY_LINK.0),
        ),
        Node::new(tag::LINKED_OBJECT_IDENTIFIER, text()),
    ]);
    [
        Attribute::standard(tag::UNIQUE_IDENTIFIER, text()),
        Attribute::standard(tag::LINK, link),
    ]
}

async fn located(call: &mut Call<'_>, attributes: Attributes) -> Result<Vec<String>, Stop> {
    let request = LocateRequest {
        maximum_items: None,
        offset_items: None,
        storage_status_mask: None,
        object_group_member: None,
        attributes,
    };
    let response = call
        .through::<Locate>(Operation::LOCATE, &request, None)
        .await?;
    Ok(response.unique_identifier)
}

/// Whether an object that Locate showed has every value of the template.
async fn matches(call: &mut Call<'_>, name: &str, template: &Template) -> Result<bool, Stop> {
    let found = call.context.peek(name).await;
    let object = found.map_err(|fault| refusal(&fault, None))?;
    Ok(object.is_some_and(|object| {
        template.iter().all(
            |entry| match attribute::tell(entry.kind, name, &object.attributes) {
                Told::Value(value) => Some(value.as_slice()) == entry.value.as_deref(),
                Told::Sensitive | Told::Unknown => false,
            },
        )
    }))
}

/// C_FindObjects.
pub async fn found(call: &mut Call<'_>) -> Answer {
    let session = call.input.long()?;
    let most = call.input.last_length()?;
    call.input.end()?;
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let handles: Vec<u64> = call.session(session, 0, |session| {
        let found = session
            .found
            .as_mut()
            .ok_or(Code::OPERATION_NOT_INITIALIZED)?;
        Ok(found.drain(..most.min(found.len())).collect())
    })?;
    let out = Writer::with_capacity(4 + 8 * handles.len()).count(handles.len());
    let out = handles.iter().fold(out, |out, handle| out.long(*handle));
    Ok(Some(out.done()))
}

/// C_FindObjectsFinal.
pub async fn finish(call: &mut Call<'_>) -> Answer {
    let session = call.input.long()?;
    call.input.end()?;
    call.session(session, 0, |session| match session.found.take() {
        Some(_) => Ok(None),
        None => Err(Code::OPERATION_NOT_INITIALIZED),
    })
}

/// C_GetAttributeValue.
pub async fn attributes(call: &mut Call<'_>) -> Answer {
    let session = call.input.long()?;
    let handle = call.input.long()?;
    let template = Template::read(&mut call.input)?;
    call.input.end()?;
    call.session(session, 0, |_| Ok(()))?;
    let name = call
        .object(handle, Code::OBJECT_HANDLE_INVALID)?
        .to_string();
    let request = GetAttributesRequest {
        unique_identifier: Some(Identifier::Text(name.clone())),
        attribute_reference: Vec::new(),
    };
    let response = match call
        .through::<GetAttributes>(Operation::GET_ATTRIBUTES, &request, None)
        .await
    {
        Err(Stop::Code(Code::KEY_HANDLE_INVALID, _)) => {
            return Err(Code::OBJECT_HANDLE_INVALID.into());
        }
        other => other?,
    };
    let mut out = Writer::default().count(template.len());
    let mut code = Code::OK;
    for entry in template.iter() {
        let (told, refused) =
            entry.answer(attribute::tell(entry.kind, &name, &response.attributes));
        out = out.raw(&told);
        // One of the refusals is told, whichever (PKCS#11 3.0 §5.7.5).
        code = refused.unwrap_or(code);
    }
    match code {
        Code::OK => Ok(Some(out.done())),
        code => Err(Stop::Code(code, Some(out.done()))),
    }
}
