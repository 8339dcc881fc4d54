//! What krill's signer asks of a server, by the crate's client.

use std::error::Error;
use std::net::TcpStream;
use std::time::Duration;

use kmip_protocol::client::tls::rustls::connect_with_tcpstream_factory;
use kmip_protocol::client::{Client, ClientCertificate, ConnectionSettings};
use kmip_protocol::types::common::{
    AttributeName, AttributeValue, CryptographicUsageMask, KeyMaterial, ObjectType, Operation,
    UniqueIdentifier,
};
use kmip_protocol::types::request::{Attribute, RequestPayload};
use kmip_protocol::types::response::{ManagedObject, ResponsePayload};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use rustls::{ClientSession, StreamOwned};

pub type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const PRIVATE_NAME: &str = "krill signer private 1";
const PUBLIC_NAME: &str = "krill signer public 1";
/// An answer of the largest key that is asked for is a tenth of it.
const LARGEST_ANSWER: u32 = 64 * 1024;

pub struct Signer {
    settings: ConnectionSettings,
    client: Client<StreamOwned<ClientSession, TcpStream>>,
    /// Identifiers, once the pair is made.
    private: String,
    public: String,
}

impl Signer {
    pub fn new(arguments: &[String]) -> Outcome<Self> {
        let [host, port, ca, certificate, key, username, password] = arguments else {
            return Err("usage: HOST PORT CA.pem CLIENT.pem CLIENT.key USER PASSWORD".into());
        };
        let settings = ConnectionSettings {
            host: host.clone(),
            port: port.parse()?,
            username: Some(username.clone()),
            password: Some(password.clone()),
            ca_cert: Some(std::fs::read(ca)?),
            client_cert: Some(ClientCertificate::SeparatePem {
                cert_bytes: std::fs::read(certificate)?,
                key_bytes: Some(std::fs::read(key)?),
            }),
            connect_timeout: Some(Duration::from_secs(10)),
            max_response_bytes: Some(LARGEST_ANSWER),
            ..ConnectionSettings::default()
        };
        let client = connect(&settings)?;
        Ok(Self {
            settings,
            client,
            private: String::new(),
            public: String::new(),
        })
    }

    /// The last conversation in the crate's own notation, which has no values.
    pub fn tell(&self) {
        for words in [
            self.client.last_req_diag_str(),
            self.client.last_res_diag_str(),
        ] {
            eprintln!("  {}", words.unwrap_or_default());
        }
    }

    pub fn asks_what_there_is(&mut self) -> Outcome {
        let properties = self.client.query()?;
        let operations = properties.operations.ok_or("no operations")?;
        for needed in [
            Operation::CreateKeyPair,
            Operation::Activate,
            Operation::RNGRetrieve,
            Operation::Sign,
            Operation::Revoke,
            Operation::Destroy,
            Operation::Get,
            Operation::ModifyAttribute,
        ] {
            ensure(
                operations.contains(&needed),
                format!("{needed:?} is not offered"),
            )?;
        }
        let objects = properties.object_types.ok_or("no object types")?;
        ensure(objects.contains(&ObjectType::PrivateKey), "no private keys")?;
        ensure(
            properties
                .vendor_identification
                .is_some_and(|name| !name.is_empty()),
            "no vendor",
        )
    }

    pub fn discovers_versions(&mut self) -> Outcome {
        let ResponsePayload::DiscoverVersions(found) = self
            .client
            .do_request(RequestPayload::DiscoverVersions(vec![]))?
        else {
            return Err("another answer".into());
        };
        let versions = found.supported_versions.ok_or("no versions")?;
        for minor in 0..=2 {
            let served = versions
                .iter()
                .any(|version| (version.major, version.minor) == (1, minor));
            ensure(served, format!("1.{minor} is not served"))?;
        }
        Ok(())
    }

    /// Under names of the moment, for krill knows its handle only when the pair exists.
    pub fn creates_a_pair(&mut self) -> Outcome {
        let made =
            self.client
                .create_rsa_key_pair(2048, "new private".into(), "new public".into())?;
        (self.private, self.public) = made;
        self.client.rename_key(&self.private, PRIVATE_NAME.into())?;
        self.client.rename_key(&self.public, PUBLIC_NAME.into())?;
        Ok(())
    }

    pub fn locates_by_name(&mut self) -> Outcome {
        let private = self.located(PRIVATE_NAME, ObjectType::PrivateKey)?;
        ensure(
            private == [self.private.clone()],
            format!("private: {private:?}"),
        )?;
        let public = self.located(PUBLIC_NAME, ObjectType::PublicKey)?;
        ensure(
            public == [self.public.clone()],
            format!("public: {public:?}"),
        )?;
        for (name, object_type) in [
            ("new private", ObjectType::PrivateKey),
            (PRIVATE_NAME, ObjectType::PublicKey),
        ] {
            ensure(
                self.located(name, object_type)?.is_empty(),
                format!("{name} is found as {object_type}"),
            )?;
        }
        Ok(())
    }

    pub fn edits_attributes(&mut self) -> Outcome {
        let id = || Some(UniqueIdentifier(self.private.clone()));
        let request = RequestPayload::GetAttributeList(id());
        let ResponsePayload::GetAttributeList(list) = self.client.do_request(request)? else {
            return Err("another answer than the list".into());
        };
        for needed in [
            "Name",
            "State",
            "Cryptographic Algorithm",
            "Cryptographic Usage Mask",
        ] {
            ensure(
                list.attributes.iter().any(|name| name.0 == needed),
                format!("no {needed} in the list"),
            )?;
        }
        let request =
            RequestPayload::AddAttribute(id(), Attribute::ContactInformation("registry".into()));
        self.client.do_request(request)?;
        let names = ["Contact Information", "Cryptographic Usage Mask", "Name"];
        let wanted = names.map(|name| AttributeName(name.into())).to_vec();
        let request = RequestPayload::GetAttributes(id(), Some(wanted.clone()));
        let ResponsePayload::GetAttributes(held) = self.client.do_request(request)? else {
            return Err("another answer than attributes".into());
        };
        let held = held.attributes.ok_or("no attributes")?;
        for name in &wanted {
            ensure(
                held.iter().any(|each| each.name.0 == name.0),
                format!("no {} among them", name.0),
            )?;
        }
        let mask = AttributeValue::Integer(CryptographicUsageMask::Sign as i32);
        ensure(
            held.iter().any(|each| each.value == mask),
            format!("the mask is not Sign: {held:?}"),
        )?;
        let request = RequestPayload::DeleteAttribute(
            id(),
            AttributeName("Contact Information".into()),
            None,
        );
        self.client.do_request(request)?;
        Ok(())
    }

    pub fn signs_too_early(&mut self) -> Outcome {
        match self.client.sign(&self.private, b"message") {
            Err(kmip_protocol::client::Error::ServerError(said)) => ensure(
                said.contains("PreActive") || said.contains("Pre-Active"),
                said,
            ),
            other => Err(format!("not refused: {other:?}").into()),
        }
    }

    pub fn signs(&mut self) -> Outcome {
        self.client.activate_key(&self.private)?;
        let key = self.public_key()?;
        for message in [&b"a certificate"[..], &[0; 1], &[7; 10_000]] {
            let signature = self.client.sign(&self.private, message)?.signature_data;
            key.verify(message, &signature)
                .map_err(|_| "the signature is wrong")?;
            ensure(
                key.verify(b"another", &signature).is_err(),
                "the signature verifies anything",
            )?;
        }
        Ok(())
    }

    pub fn asks_for_random_numbers(&mut self) -> Outcome {
        let first = self.client.rng_retrieve(32)?.data;
        let second = self.client.rng_retrieve(32)?.data;
        ensure(
            first.len() == 32 && first != second,
            "not 32 octets, or the same ones",
        )
    }

    pub fn connects_again(&mut self) -> Outcome {
        self.client = connect(&self.settings)?;
        let signature = self.client.sign(&self.private, b"message")?.signature_data;
        self.public_key()?
            .verify(b"message", &signature)
            .map_err(|_| "the signature is wrong".into())
    }

    pub fn guesses_a_password(&mut self) -> Outcome {
        let guessed = Some("guessed".to_owned());
        let stranger = connect(&ConnectionSettings {
            password: guessed,
            ..self.settings.clone()
        })?;
        match stranger.sign(&self.private, b"message") {
            Err(kmip_protocol::client::Error::ServerError(_)) => Ok(()),
            other => Err(format!("not refused: {other:?}").into()),
        }
    }

    pub fn destroys(&mut self) -> Outcome {
        ensure(
            self.client.destroy_key(&self.private).is_err(),
            "an active key is destroyed",
        )?;
        self.client.revoke_key(&self.private)?;
        self.client.destroy_key(&self.private)?;
        self.client.destroy_key(&self.public)?;
        Ok(())
    }

    pub fn misses_what_is_gone(&mut self) -> Outcome {
        ensure(
            self.located(PRIVATE_NAME, ObjectType::PrivateKey)?
                .is_empty(),
            "it is located",
        )?;
        for gone in [self.private.as_str(), "no-such-key"] {
            match self.client.get_key(gone) {
                Err(kmip_protocol::client::Error::ItemNotFound(_)) => {}
                other => return Err(format!("{gone}: {other:?}").into()),
            }
        }
        Ok(())
    }

    fn located(&self, name: &str, object_type: ObjectType) -> Outcome<Vec<String>> {
        let wanted = vec![
            Attribute::Name(name.into()),
            Attribute::ObjectType(object_type),
        ];
        match self.client.do_request(RequestPayload::Locate(wanted))? {
            ResponsePayload::Locate(found) => Ok(found
                .unique_identifiers
                .into_iter()
                .map(|id| id.0)
                .collect()),
            other => Err(format!("another answer: {other:?}").into()),
        }
    }

    /// In PKCS#1, the one format of public keys that the crate reads as octets.
    fn public_key(&self) -> Outcome<UnparsedPublicKey<Vec<u8>>> {
        match self.client.get_key(&self.public)?.cryptographic_object {
            ManagedObject::PublicKey(key) => match key.key_block.key_value.key_material {
                KeyMaterial::Bytes(octets) => {
                    Ok(UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, octets))
                }
                other => Err(format!("another format: {other:?}").into()),
            },
            other => Err(format!("another object: {other:?}").into()),
        }
    }
}

/// By IPv4, whatever the name stands for first: the TLS of the crate takes names only.
fn connect(
    settings: &ConnectionSettings,
) -> Outcome<Client<StreamOwned<ClientSession, TcpStream>>> {
    let client = connect_with_tcpstream_factory(settings, |_, settings| {
        let stream = TcpStream::connect(("127.0.0.1", settings.port))?;
        stream.set_read_timeout(settings.connect_timeout)?;
        Ok(stream)
    })?;
    Ok(client)
}

fn ensure(holds: bool, otherwise: impl Into<Box<dyn Error>>) -> Outcome {
    if holds { Ok(()) } else { Err(otherwise.into()) }
}
