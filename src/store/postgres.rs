//! stub
use super::*;
#[derive(Debug)]
pub struct Postgres;
impl Postgres {
    pub async fn open(_: &Options) -> Result<Self, StoreError> {
        Err(StoreError::Damaged(String::new()))
    }
    pub fn close(self) {}
    pub async fn fetch(&self, _: TenantId, _: &str) -> Result<Option<Record>, StoreError> {
        Ok(None)
    }
    pub async fn locate(&self, _: &Filter) -> Result<Located, StoreError> {
        Ok(Located::default())
    }
    pub async fn apply(&self, _: Commit) -> Result<(), StoreError> {
        Ok(())
    }
    pub async fn entity(
        &self,
        _: EntityKind,
        _: TenantId,
        _: &str,
    ) -> Result<Option<Entity>, StoreError> {
        Ok(None)
    }
    pub async fn entities(
        &self,
        _: EntityKind,
        _: Option<TenantId>,
    ) -> Result<Vec<Entity>, StoreError> {
        Ok(vec![])
    }
    pub async fn journal(&self, _: i64, _: u32) -> Result<Vec<JournalEntry>, StoreError> {
        Ok(vec![])
    }
    pub async fn journal_head(&self) -> Result<i64, StoreError> {
        Ok(0)
    }
    pub async fn audit_head(&self, _: &str) -> Result<i64, StoreError> {
        Ok(0)
    }
    pub async fn audit(&self, _: &str, _: i64, _: u32) -> Result<Vec<AuditRow>, StoreError> {
        Ok(vec![])
    }
    pub async fn put_checkpoint(&self, _: &str, _: i64, _: &str) -> Result<(), StoreError> {
        Ok(())
    }
    pub async fn checkpoint(&self, _: &str) -> Result<Option<(i64, String)>, StoreError> {
        Ok(None)
    }
    pub async fn scan(&self, _: TenantId, _: &str, _: u32) -> Result<Vec<Record>, StoreError> {
        Ok(vec![])
    }
    pub async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
