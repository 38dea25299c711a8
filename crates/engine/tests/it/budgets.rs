//! Never over, with everything at once.

use std::sync::Arc;

use briefcase_policy::authority::{Budget, BudgetScope, Limit, Window};
use briefcase_types::RefusalCode;

use crate::doubles::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_calls_at_once_stay_within_the_budget() {
    let budget = Budget { scope: BudgetScope::default(), window: Window::Day, limit: Limit::Calls(37) };
    let world = Arc::new(World::new(vec![budget]));
    let calls: Vec<_> = (0..200)
        .map(|n| {
            let world = Arc::clone(&world);
            tokio::spawn(async move { world.run("look", &format!("{{\"n\":{n}}}")).await })
        })
        .collect();
    let (mut ran, mut refused) = (0, 0);
    for call in calls {
        match call.await.unwrap() {
            Ok(_) => ran += 1,
            Err(refusal) => {
                assert_eq!(refusal.code, RefusalCode::BudgetExceeded);
                refused += 1;
            }
        }
    }
    assert_eq!((ran, refused, world.effects()), (37, 163, 37));
}

#[tokio::test]
async fn what_could_not_be_recorded_is_given_back() {
    let budget = Budget { scope: BudgetScope::default(), window: Window::Day, limit: Limit::Calls(1) };
    let world = World::new(vec![budget]);
    *world.journal.refuses.lock().unwrap() = Box::new(|kind| matches!(kind, briefcase_receipts::Kind::Intent(_)));
    let person = world.engine.clone();
    tokio::spawn(async move { crate::people::allow_first(&person, "right").await });
    world.run("change", "{}").await.unwrap_err();
    *world.journal.refuses.lock().unwrap() = Box::new(|_| false);
    world.run("look", "{}").await.expect("the write that never ran cost nothing");
}
