use cryptoki_sys as raw;

/// An attribute's value as a template gives it.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    Flag(bool),
    Number(raw::CK_ULONG),
    Bytes(&'a [u8]),
}

pub type Attribute<'a> = (raw::CK_ATTRIBUTE_TYPE, Value<'a>);

const TRUE: &raw::CK_BBOOL = &raw::CK_TRUE;
const FALSE: &raw::CK_BBOOL = &raw::CK_FALSE;

/// The C form of a template. The pointers lead into `template`, which the lifetime keeps alive;
/// PKCS#11 does not write through the pointers of an input template.
pub(crate) struct Template<'a> {
    attributes: Vec<raw::CK_ATTRIBUTE>,
    _source: std::marker::PhantomData<&'a ()>,
}

impl<'a> Template<'a> {
    pub(crate) fn new(template: &'a [Attribute<'a>]) -> Template<'a> {
        let attributes = template
            .iter()
            .map(|(kind, value)| {
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
                };
                raw::CK_ATTRIBUTE {
                    type_: *kind,
                    pValue: pointer.cast_mut().cast(),
                    ulValueLen: length as raw::CK_ULONG,
                }
            })
            .collect();
        Template {
            attributes,
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
