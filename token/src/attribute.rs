use cryptoki_sys as raw;

/// An attribute's value as a template gives it.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    Flag(bool),
    Number(raw::CK_ULONG),
    Bytes(&'a [u8]),
    /// A template in a template (CKA_UNWRAP_TEMPLATE and its like), itself without one.
    Template(&'a [Attribute<'a>]),
}

pub type Attribute<'a> = (raw::CK_ATTRIBUTE_TYPE, Value<'a>);

const TRUE: &raw::CK_BBOOL = &raw::CK_TRUE;
const FALSE: &raw::CK_BBOOL = &raw::CK_FALSE;

/// The C form of a template. The pointers lead into `template`, which the lifetime keeps alive,
/// or into `nested`; PKCS#11 does not write through the pointers of an input template.
pub(crate) struct Template<'a> {
    attributes: Vec<raw::CK_ATTRIBUTE>,
    /// Held for their addresses: a vector's contents stay where they are when the vector moves.
    #[allow(dead_code, reason = "kept alive for the pointers into it")]
    nested: Vec<Template<'a>>,
    _source: std::marker::PhantomData<&'a ()>,
}

impl<'a> Template<'a> {
    pub(crate) fn new(template: &'a [Attribute<'a>]) -> Template<'a> {
        let mut attributes = Vec::with_capacity(template.len());
        let mut nested = Vec::new();
        for (kind, value) in template {
            let (pointer, length) = match value {
                Value::Flag(flag) => {
                    let byte: &raw::CK_BBOOL = if *flag { TRUE } else { FALSE };
                    (
                        std::ptr::from_ref(byte).cast::<u8>(),
                        size_of::<raw::CK_BBOOL>(),
                    )
                }
                Value::Number(number) => (
                    std::ptr::from_ref(number).cast::<u8>(),
                    size_of::<raw::CK_ULONG>(),
                ),
                Value::Bytes(bytes) => (bytes.as_ptr(), bytes.len()),
                Value::Template(template) => {
                    let inner = Template::new(template);
                    let bytes = inner.attributes.as_slice();
                    let found = (bytes.as_ptr().cast::<u8>(), size_of_val(bytes));
                    nested.push(inner);
                    found
                }
            };
            attributes.push(raw::CK_ATTRIBUTE {
                type_: *kind,
                pValue: pointer.cast_mut().cast(),
                ulValueLen: length as raw::CK_ULONG,
            });
        }
        Template {
            attributes,
            nested,
            _source: std::marker::PhantomData,
        }
    }

    pub(crate) fn pointer(&mut self) -> *mut raw::CK_ATTRIBUTE {
        self.attributes.as_mut_ptr()
    }

    pub(crate) fn count(&self) -> raw::CK_ULONG {
        self.attributes.len() as raw::CK_ULONG
    }
}
