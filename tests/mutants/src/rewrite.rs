//! Puts every change of a source file into it, each behind a switch.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{
    Attribute, BinOp, Block, Expr, GenericArgument, Item, Meta, Pat, PathArguments, ReturnType,
    Signature, Stmt, Type, UnOp, parse_quote,
};

/// A small change, known by its place in the list: the first one is 1.
pub(crate) struct Mutant {
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) function: String,
    pub(crate) change: String,
    /// The line without the space around it: by it a change is known where it is kept, through changes elsewhere.
    pub(crate) text: String,
}

/// The source with all its changes, which are added to the list.
pub(crate) fn rewrite(file: &str, source: &str, mutants: &mut Vec<Mutant>) -> syn::Result<String> {
    let mut tree = syn::parse_file(source)?;
    let mut rewriter = Rewriter {
        file,
        lines: source.lines().collect(),
        function: String::new(),
        mutants,
    };
    rewriter.visit_file_mut(&mut tree);
    Ok(prettyplease::unparse(&tree))
}

struct Rewriter<'a> {
    file: &'a str,
    lines: Vec<&'a str>,
    function: String,
    mutants: &'a mut Vec<Mutant>,
}

impl Rewriter<'_> {
    /// Lists a change, and gives the condition under which it is made.
    fn switch(&mut self, span: Span, change: String) -> Expr {
        let line = span.start().line;
        let text = self.lines.get(line.saturating_sub(1)).copied();
        self.mutants.push(Mutant {
            file: self.file.to_owned(),
            line,
            text: text.unwrap_or_default().trim().to_owned(),
            function: self.function.clone(),
            change,
        });
        let id = u32::try_from(self.mutants.len()).unwrap_or(u32::MAX);
        parse_quote!(crate::mutants::on(#id))
    }

    /// `expression` as it is now, or one of the others.
    fn choose(&mut self, span: Span, expression: &mut Expr, others: Vec<(Expr, String)>) {
        for (other, change) in others {
            let on = self.switch(span, change);
            *expression = parse_quote!((if #on { #other } else { #expression }));
        }
    }

    fn function(&mut self, attributes: &[Attribute], signature: &Signature, body: &mut Block) {
        if is_left_out(attributes) {
            return;
        }
        let only = match &body.stmts[..] {
            [Stmt::Expr(only, None)] => Some(only.clone()),
            _ => None,
        };
        let outer = core::mem::replace(&mut self.function, signature.ident.to_string());
        visit_mut::visit_block_mut(self, body);
        if !body.stmts.is_empty() {
            for value in values(&signature.output) {
                if only.as_ref() == Some(&value.1) {
                    continue;
                }
                let on = self.switch(signature.ident.span(), format!("return {}", value.0));
                let value = value.1;
                let early: Stmt = parse_quote!(if #on { return #value; });
                body.stmts.insert(0, early);
            }
        }
        self.function = outer;
    }
}

impl VisitMut for Rewriter<'_> {
    fn visit_item_mut(&mut self, item: &mut Item) {
        match item {
            Item::Const(_) | Item::Static(_) | Item::Macro(_) => {}
            Item::Mod(module) if is_left_out(&module.attrs) => {}
            _ => visit_mut::visit_item_mut(self, item),
        }
    }

    fn visit_item_fn_mut(&mut self, item: &mut syn::ItemFn) {
        self.function(&item.attrs, &item.sig, &mut item.block);
    }

    fn visit_impl_item_fn_mut(&mut self, item: &mut syn::ImplItemFn) {
        self.function(&item.attrs, &item.sig, &mut item.block);
    }

    fn visit_trait_item_fn_mut(&mut self, item: &mut syn::TraitItemFn) {
        if let Some(body) = &mut item.default {
            self.function(&item.attrs, &item.sig, body);
        }
    }

    // What is known to the compiler stays as it is.
    fn visit_impl_item_const_mut(&mut self, _: &mut syn::ImplItemConst) {}
    fn visit_trait_item_const_mut(&mut self, _: &mut syn::TraitItemConst) {}
    fn visit_type_mut(&mut self, _: &mut Type) {}
    fn visit_pat_mut(&mut self, _: &mut Pat) {}
    fn visit_path_mut(&mut self, _: &mut syn::Path) {}
    fn visit_variant_mut(&mut self, _: &mut syn::Variant) {}
    fn visit_expr_const_mut(&mut self, _: &mut syn::ExprConst) {}
    fn visit_expr_repeat_mut(&mut self, repeat: &mut syn::ExprRepeat) {
        self.visit_expr_mut(&mut repeat.expr);
    }

    fn visit_expr_match_mut(&mut self, matching: &mut syn::ExprMatch) {
        let has_rest = matching.arms.iter().any(is_rest);
        let originals = matching.arms.clone();
        visit_mut::visit_expr_match_mut(self, matching);
        for (arm, original) in matching.arms.iter_mut().zip(originals) {
            let span = original.pat.span();
            if let Some((_, guard)) = &mut arm.guard
                && !holds_let(guard)
            {
                // What was changed in it lies nowhere.
                let at = original
                    .guard
                    .as_ref()
                    .map_or(span, |(_, guard)| guard.span());
                let always = self.switch(at, "a guard that is always true".into());
                let never = self.switch(at, "a guard that is never true".into());
                **guard = parse_quote!(#always || (!#never && #guard));
            }
            if has_rest && !is_rest(&original) {
                let on = self.switch(span, "an arm is left out".into());
                let guard: Expr = match &arm.guard {
                    Some((_, guard)) if holds_let(guard) => continue,
                    Some((_, guard)) => parse_quote!(!#on && (#guard)),
                    None => parse_quote!(!#on),
                };
                arm.guard = Some((syn::token::If::default(), Box::new(guard)));
            }
        }
    }

    fn visit_expr_mut(&mut self, expression: &mut Expr) {
        let original = expression.clone();
        visit_mut::visit_expr_mut(self, expression);
        match original {
            Expr::Binary(binary) if !is_let_chain(&binary) => {
                let others = operators(&binary.op).iter().map(|other| {
                    let mut changed = binary.clone();
                    changed.op = syn::parse_str(other).unwrap_or(changed.op);
                    let change = format!("{} becomes {other}", symbol(&binary.op));
                    (Expr::Binary(changed), change)
                });
                let others = others.collect();
                self.choose(binary.op.span(), expression, others);
            }
            Expr::Unary(unary) if matches!(unary.op, UnOp::Not(_)) => {
                let others = vec![((*unary.expr).clone(), "! is left out".to_owned())];
                self.choose(unary.span(), expression, others);
            }
            Expr::MethodCall(call) => {
                let name = call.method.to_string();
                let Some(other) = method(&name, call.args.len()) else {
                    return;
                };
                let mut changed = call.clone();
                changed.method = syn::Ident::new(other, call.method.span());
                let others = vec![(Expr::MethodCall(changed), format!("{name} becomes {other}"))];
                self.choose(call.method.span(), expression, others);
            }
            _ => {}
        }
    }
}

/// Whether an arm takes whatever comes.
fn is_rest(arm: &syn::Arm) -> bool {
    let takes_all = match &arm.pat {
        Pat::Wild(_) => true,
        // `None` looks the same as a name for what comes.
        Pat::Ident(pat) => pat.ident.to_string().starts_with(char::is_lowercase),
        _ => false,
    };
    takes_all && arm.guard.is_none()
}

/// Whether this is a test, or is not built with all features.
fn is_left_out(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let condition = match &attribute.meta {
            Meta::List(list) if list.path.is_ident("cfg") => list.tokens.to_string(),
            _ => String::new(),
        };
        attribute.path().is_ident("test")
            || condition == "test"
            || condition.starts_with("not (feature")
    })
}

/// `a && let Some(b) = c` is no expression by itself.
fn is_let_chain(binary: &syn::ExprBinary) -> bool {
    matches!(binary.op, BinOp::And(_)) && (holds_let(&binary.left) || holds_let(&binary.right))
}

fn holds_let(expression: &Expr) -> bool {
    match expression {
        Expr::Let(_) => true,
        Expr::Binary(binary) => is_let_chain(binary),
        _ => false,
    }
}

/// What an operator may become.
fn operators(operator: &BinOp) -> &'static [&'static str] {
    match operator {
        BinOp::Add(_) | BinOp::Div(_) => &["-"],
        BinOp::Sub(_) | BinOp::Mul(_) | BinOp::Rem(_) => &["+"],
        BinOp::And(_) => &["||"],
        BinOp::Or(_) => &["&&"],
        BinOp::BitXor(_) => &["|", "&"],
        BinOp::BitAnd(_) => &["|", "^"],
        // Bits are put together that have none in common: `^` would be the same.
        BinOp::BitOr(_) => &["&"],
        BinOp::Shl(_) => &[">>"],
        BinOp::Shr(_) => &["<<"],
        BinOp::Eq(_) => &["!="],
        BinOp::Ne(_) => &["=="],
        BinOp::Lt(_) => &["<=", ">"],
        BinOp::Le(_) => &["<", ">"],
        BinOp::Ge(_) => &[">", "<"],
        BinOp::Gt(_) => &[">=", "<"],
        BinOp::AddAssign(_) => &["-="],
        BinOp::SubAssign(_) => &["+="],
        BinOp::BitXorAssign(_) => &["|=", "&="],
        BinOp::BitAndAssign(_) => &["|=", "^="],
        BinOp::BitOrAssign(_) => &["&="],
        BinOp::ShlAssign(_) => &[">>="],
        BinOp::ShrAssign(_) => &["<<="],
        _ => &[],
    }
}

fn symbol(operator: &BinOp) -> &'static str {
    match operator {
        BinOp::Add(_) => "+",
        BinOp::Sub(_) => "-",
        BinOp::Mul(_) => "*",
        BinOp::Div(_) => "/",
        BinOp::Rem(_) => "%",
        BinOp::And(_) => "&&",
        BinOp::Or(_) => "||",
        BinOp::BitXor(_) => "^",
        BinOp::BitAnd(_) => "&",
        BinOp::BitOr(_) => "|",
        BinOp::Shl(_) => "<<",
        BinOp::Shr(_) => ">>",
        BinOp::Eq(_) => "==",
        BinOp::Lt(_) => "<",
        BinOp::Le(_) => "<=",
        BinOp::Ne(_) => "!=",
        BinOp::Ge(_) => ">=",
        BinOp::Gt(_) => ">",
        BinOp::AddAssign(_) => "+=",
        BinOp::SubAssign(_) => "-=",
        BinOp::BitXorAssign(_) => "^=",
        BinOp::BitAndAssign(_) => "&=",
        BinOp::BitOrAssign(_) => "|=",
        BinOp::ShlAssign(_) => "<<=",
        BinOp::ShrAssign(_) => ">>=",
        _ => "",
    }
}

/// What a method may become: here, arithmetic is methods.
fn method(name: &str, arguments: usize) -> Option<&'static str> {
    Some(match (name, arguments) {
        ("saturating_add", 1) => "saturating_sub",
        ("saturating_sub", 1) => "saturating_add",
        ("wrapping_add", 1) => "wrapping_sub",
        ("wrapping_sub", 1) => "wrapping_add",
        ("min", 1) => "max",
        ("max", 1) => "min",
        ("is_some", 0) => "is_none",
        ("is_none", 0) => "is_some",
        ("is_ok", 0) => "is_err",
        ("is_err", 0) => "is_ok",
        ("any", 1) => "all",
        ("all", 1) => "any",
        ("rotate_left", 1) => "rotate_right",
        ("rotate_right", 1) => "rotate_left",
        _ => return None,
    })
}

/// Values of a type that are easily had.
fn values(output: &ReturnType) -> Vec<(String, Expr)> {
    let texts = match output {
        ReturnType::Default => vec!["()".to_owned()],
        ReturnType::Type(_, of) => of_type(of),
    };
    let parsed = texts.into_iter().filter_map(|text| {
        let value = syn::parse_str(&text).ok()?;
        Some((text, value))
    });
    parsed.collect()
}

fn of_type(of: &Type) -> Vec<String> {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    match of {
        Type::Tuple(tuple) if tuple.elems.is_empty() => texts(&["()"]),
        Type::Reference(reference) => match &*reference.elem {
            Type::Path(path) if path.path.is_ident("str") && reference.mutability.is_none() => {
                texts(&["\"\"", "\"xyzzy\""])
            }
            Type::Slice(_) if reference.mutability.is_some() => texts(&["&mut []"]),
            Type::Slice(_) => texts(&["&[]"]),
            _ => Vec::new(),
        },
        Type::Path(path) => {
            let Some(last) = path.path.segments.last() else {
                return Vec::new();
            };
            let inner = match &last.arguments {
                PathArguments::AngleBracketed(arguments) => match arguments.args.first() {
                    Some(GenericArgument::Type(inner)) => of_type(inner),
                    _ => Vec::new(),
                },
                _ => Vec::new(),
            };
            match last.ident.to_string().as_str() {
                "bool" => texts(&["true", "false"]),
                "u8" | "u16" | "u32" | "u64" | "usize" | "i32" | "i64" => texts(&["0", "1"]),
                "Option" => {
                    let some = inner.iter().map(|value| format!("Some({value})"));
                    some.chain(["None".to_owned()]).collect()
                }
                "Result" if path.path.segments.len() == 2 => texts(&["Ok(())"]),
                "Result" => inner.iter().map(|value| format!("Ok({value})")).collect(),
                _ => Vec::new(),
            }
        }
        _ => Vec::new(),
    }
}
