//! A product, and what may be said about one.

use prejoin_service::{Problem, check_key, check_text, given};
use serde::{Deserialize, Serialize};

/// A product as stored and as answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Product {
    pub(crate) product_id: String,
    pub(crate) name: String,
    pub(crate) category: Option<String>,
    pub(crate) unit_price_cents: i64,
    pub(crate) discontinued: bool,
    /// Pieces that can still be reserved.
    pub(crate) available: i64,
}

/// The body of POST /products.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listing {
    #[serde(default, deserialize_with = "given")]
    product_id: Option<String>,
    name: String,
    category: Option<String>,
    unit_price_cents: i64,
    #[serde(default)]
    stock: i64,
}

/// The body of PATCH /products/{id}: what is absent stays.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Patch {
    #[serde(default, deserialize_with = "given")]
    name: Option<String>,
    #[serde(default, deserialize_with = "given")]
    unit_price_cents: Option<i64>,
    #[serde(default, deserialize_with = "given")]
    discontinued: Option<bool>,
}

/// The body of POST /products/{id}/stock.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Delivery {
    /// Pieces that came in; negative for pieces that were lost.
    pub(crate) add: i64,
}

impl Listing {
    /// The product to list; `fresh_id` serves where none was given.
    pub(crate) fn into_product(self, fresh_id: impl FnOnce() -> String) -> Result<Product, Problem> {
        let Listing { product_id, name, category, unit_price_cents, stock } = self;
        let product = Product {
            product_id: product_id.unwrap_or_else(fresh_id),
            name,
            category,
            unit_price_cents,
            discontinued: false,
            available: stock,
        };
        if stock < 0 {
            return Err(Problem::invalid(format!("stock is {stock}; it cannot be negative")));
        }
        product.check()?;
        Ok(product)
    }
}

impl Product {
    /// The product with a patch applied. What is discontinued stays so: orders may have been refused for it.
    pub(crate) fn patched(&self, patch: Patch) -> Result<Product, Problem> {
        let product = Product {
            name: patch.name.unwrap_or_else(|| self.name.clone()),
            unit_price_cents: patch.unit_price_cents.unwrap_or(self.unit_price_cents),
            discontinued: patch.discontinued.unwrap_or(self.discontinued),
            ..self.clone()
        };
        if self.discontinued && !product.discontinued {
            return Err(Problem::conflict(format!(
                "the product {:?} is discontinued; list it again under another id",
                self.product_id
            )));
        }
        product.check()?;
        Ok(product)
    }

    /// The product after pieces came in or were lost.
    pub(crate) fn stocked(&self, delivery: &Delivery) -> Result<Product, Problem> {
        let available = self.available.checked_add(delivery.add).filter(|available| *available >= 0);
        let available = available.ok_or_else(|| {
            Problem::conflict(format!(
                "{} pieces of {:?} are available; adding {} leaves no possible number",
                self.available, self.product_id, delivery.add
            ))
            .with("available", self.available)
        })?;
        Ok(Product { available, ..self.clone() })
    }

    fn check(&self) -> Result<(), Problem> {
        check_key("product_id", &self.product_id)?;
        if self.name.trim().is_empty() {
            return Err(Problem::invalid("name is empty; a product needs a name"));
        }
        check_text("name", &self.name)?;
        check_text("category", self.category.as_deref().unwrap_or_default())?;
        if self.unit_price_cents < 0 {
            let text = format!("unit_price_cents is {}; it cannot be negative", self.unit_price_cents);
            return Err(Problem::invalid(text));
        }
        Ok(())
    }
}
