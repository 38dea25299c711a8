//! A second specification of the lifecycle of approvals, written from the diagram in the queue's documentation and not
//! from its code.
//!
//! Two identical calls, one person who approves and one who denies, a cancelling client, a journal that fails once, a
//! process that crashes once, and time. [`Lifecycle`] lists the possible next steps. The model and the real queue take
//! each step, and a difference is a failure. The counted effects and decisions are those of the *real* queue.

use std::hash::{Hash, Hasher};

use stateright::{Model, Property};

use crate::real::Real;

/// The maximum number of requests in one run, and the maximum time (in ticks of five minutes).
const QUESTIONS: usize = 2;
const TICKS: u8 = 3;
/// The lifetime of a request is two ticks, that of a decision one.
const QUESTION: u8 = 2;
const ANSWER: u8 = 1;

/// One step of a participant. Numbers identify the caller, decider or request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Step {
    Ask {
        caller: usize,
        fresh: u8,
    },
    Open {
        caller: usize,
        of: u8,
        durable: bool,
    },
    Look {
        caller: usize,
        of: u8,
    },
    Spend {
        caller: usize,
        of: u8,
    },
    /// With other arguments, and under another version of the authority.
    Steal {
        of: u8,
    },
    Cancel {
        caller: usize,
        of: u8,
    },
    /// With the right digest, and with a forged one before.
    Take {
        decider: usize,
        of: u8,
    },
    Record {
        decider: usize,
        of: u8,
        yes: bool,
        durable: bool,
    },
    Tick,
    Crash,
}

/// The queue's result of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Answer {
    Nothing,
    Yes,
    No,
    Opened,
    Joined(u8),
    Refused,
    Denied,
    Expired,
    /// A decision about something other than the shown request was accepted.
    Forged,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Phase {
    Recording,
    Pending,
    Deciding,
    Allowed { until: u8 },
    Denied,
    Expired,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Slot {
    of: u8,
    phase: Phase,
    expires: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Caller {
    Idle,
    Opening(u8),
    Waiting(u8),
    Answered(u8),
}

/// The possible ends of an approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum End {
    Spent,
    Denied,
    Expired,
    Withdrawn,
    Unrecorded,
    Lost,
}

/// The history of one approval.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Story {
    effects: u8,
    yes: u8,
    no: u8,
    ends: Vec<End>,
}

/// The state of the model.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Scene {
    now: u8,
    slot: Option<Slot>,
    cooling: bool,
    callers: [Caller; 2],
    deciding: [Option<u8>; 2],
    stories: Vec<Story>,
    crashed: bool,
    journal_failed: bool,
    /// The step at which the queue differs from the model: the result of the model, and that of the queue.
    differs: Option<(Answer, Answer)>,
}

/// A state with the steps that led to it first. Another path to the same state gives an equal value.
#[derive(Clone, Debug)]
pub struct Moment {
    scene: Scene,
    steps: Vec<Step>,
}

impl Hash for Moment {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.scene.hash(state);
    }
}

impl PartialEq for Moment {
    fn eq(&self, other: &Self) -> bool {
        self.scene == other.scene
    }
}

impl Scene {
    fn new() -> Self {
        Self {
            now: 0,
            slot: None,
            cooling: false,
            callers: [Caller::Idle; 2],
            deciding: [None; 2],
            stories: Vec::new(),
            crashed: false,
            journal_failed: false,
            differs: None,
        }
    }

    fn asked(&self) -> impl Iterator<Item = u8> + use<> {
        0..u8::try_from(self.stories.len()).expect("few")
    }

    fn live(&mut self, of: u8) -> Option<&mut Slot> {
        self.slot.as_mut().filter(|slot| slot.of == of)
    }

    fn end(&mut self, of: u8, end: End) {
        self.stories[usize::from(of)].ends.push(end);
    }

    /// Frees the slot, if it belongs to that request.
    fn remove(&mut self, of: u8, end: End) -> bool {
        let Some(phase) = self.live(of).map(|slot| slot.phase) else { return false };
        if !matches!(phase, Phase::Denied | Phase::Expired) {
            self.end(of, end);
        }
        self.slot = None;
        true
    }

    fn sweep(&mut self) {
        let now = self.now;
        let Some(slot) = &mut self.slot else { return };
        let over = match slot.phase {
            Phase::Recording | Phase::Pending => now >= slot.expires,
            Phase::Allowed { until } => now >= until,
            _ => false,
        };
        if over {
            slot.phase = Phase::Expired;
            let of = slot.of;
            self.end(of, End::Expired);
        }
    }

    /// Returns the result of the model, and its next state.
    fn take(&mut self, step: Step) -> Answer {
        let answer = match step {
            Step::Ask { caller, fresh } => self.ask(caller, fresh),
            Step::Open { caller, of, durable } => {
                if durable {
                    // A request whose record took too long has expired, and stays expired.
                    let opening = self.live(of).filter(|slot| slot.phase == Phase::Recording);
                    opening.into_iter().for_each(|slot| slot.phase = Phase::Pending);
                } else {
                    self.journal_failed = true;
                    self.remove(of, End::Unrecorded);
                }
                self.callers[caller] = if durable { Caller::Waiting(of) } else { Caller::Idle };
                Answer::Nothing
            }
            Step::Look { caller, of } => self.look(caller, of),
            Step::Spend { caller, of } => {
                self.callers[caller] = Caller::Idle;
                let allowed = self.live(of).is_some_and(|slot| matches!(slot.phase, Phase::Allowed { .. }));
                if allowed && self.remove(of, End::Spent) { Answer::Yes } else { Answer::No }
            }
            Step::Steal { .. } => Answer::No,
            Step::Cancel { caller, of } => {
                self.callers[caller] = Caller::Idle;
                if self.remove(of, End::Withdrawn) { Answer::Yes } else { Answer::No }
            }
            Step::Take { decider, of } => match self.live(of) {
                Some(slot) if slot.phase == Phase::Pending => {
                    slot.phase = Phase::Deciding;
                    self.deciding[decider] = Some(of);
                    Answer::Yes
                }
                _ => Answer::No,
            },
            Step::Record { decider, of, yes, durable } => self.record(decider, of, yes, durable),
            Step::Tick => {
                self.now += 1;
                self.cooling = false;
                Answer::Nothing
            }
            Step::Crash => self.crash(),
        };
        self.sweep();
        answer
    }

    fn ask(&mut self, caller: usize, fresh: u8) -> Answer {
        match self.slot {
            Some(Slot { of, phase: Phase::Denied, .. }) => {
                self.remove(of, End::Denied);
                Answer::Denied
            }
            Some(Slot { of, phase: Phase::Expired, .. }) => {
                self.remove(of, End::Expired);
                Answer::Expired
            }
            Some(Slot { of, .. }) => {
                self.callers[caller] = Caller::Waiting(of);
                Answer::Joined(of)
            }
            None if self.cooling => Answer::Refused,
            None => {
                self.slot = Some(Slot { of: fresh, phase: Phase::Recording, expires: self.now + QUESTION });
                self.stories.push(Story::default());
                self.callers[caller] = Caller::Opening(fresh);
                Answer::Opened
            }
        }
    }

    fn look(&mut self, caller: usize, of: u8) -> Answer {
        let phase = self.live(of).map(|slot| slot.phase);
        self.callers[caller] = Caller::Idle;
        match phase {
            Some(Phase::Allowed { .. }) => {
                self.callers[caller] = Caller::Answered(of);
                Answer::Yes
            }
            Some(Phase::Denied) => {
                self.remove(of, End::Denied);
                Answer::Denied
            }
            None | Some(Phase::Expired) => {
                self.remove(of, End::Expired);
                Answer::Expired
            }
            Some(_) => {
                self.callers[caller] = Caller::Waiting(of);
                Answer::Nothing
            }
        }
    }

    fn record(&mut self, decider: usize, of: u8, yes: bool, durable: bool) -> Answer {
        self.deciding[decider] = None;
        self.journal_failed |= !durable;
        let story = &mut self.stories[usize::from(of)];
        story.yes += u8::from(durable && yes);
        story.no += u8::from(durable && !yes);
        let until = self.now + ANSWER;
        let Some(slot) = self.live(of) else { return Answer::Nothing };
        slot.phase = match (durable, yes) {
            (false, _) => Phase::Pending,
            (true, true) => Phase::Allowed { until },
            (true, false) => Phase::Denied,
        };
        if slot.phase == Phase::Denied {
            self.end(of, End::Denied);
            self.cooling = true;
        }
        Answer::Nothing
    }

    fn crash(&mut self) -> Answer {
        if let Some(slot) = self.slot {
            self.remove(slot.of, End::Lost);
        }
        *self = Self { callers: [Caller::Idle; 2], deciding: [None; 2], cooling: false, crashed: true, ..self.clone() };
        Answer::Nothing
    }

    fn of_callers(&self, steps: &mut Vec<Step>) {
        for (caller, state) in self.callers.into_iter().enumerate() {
            match state {
                Caller::Idle if self.stories.len() < QUESTIONS => {
                    steps.push(Step::Ask { caller, fresh: u8::try_from(self.stories.len()).expect("few") });
                }
                Caller::Idle => {}
                Caller::Opening(of) => {
                    steps.push(Step::Open { caller, of, durable: true });
                    if !self.journal_failed {
                        steps.push(Step::Open { caller, of, durable: false });
                    }
                }
                Caller::Waiting(of) => {
                    let open = matches!(self.slot, Some(Slot { of: live, phase: Phase::Recording | Phase::Pending | Phase::Deciding, .. }) if live == of);
                    if !open {
                        steps.push(Step::Look { caller, of });
                    }
                    steps.push(Step::Cancel { caller, of });
                }
                Caller::Answered(of) => steps.extend([Step::Spend { caller, of }, Step::Cancel { caller, of }]),
            }
        }
    }

    fn of_deciders(&self, steps: &mut Vec<Step>) {
        for (decider, holds) in self.deciding.into_iter().enumerate() {
            let yes = decider == 0;
            let Some(of) = holds else {
                steps.extend(self.asked().map(|of| Step::Take { decider, of }));
                continue;
            };
            steps.push(Step::Record { decider, of, yes, durable: true });
            if !self.journal_failed {
                steps.push(Step::Record { decider, of, yes, durable: false });
            }
        }
    }

    fn some_story(&self, like: impl Fn(&Story) -> bool) -> bool {
        self.stories.iter().any(like)
    }
}

/// The model.
#[derive(Debug)]
pub struct Lifecycle;

impl Model for Lifecycle {
    type State = Moment;
    type Action = Step;

    fn init_states(&self) -> Vec<Moment> {
        vec![Moment { scene: Scene::new(), steps: Vec::new() }]
    }

    fn actions(&self, moment: &Moment, steps: &mut Vec<Step>) {
        let scene = &moment.scene;
        scene.of_callers(steps);
        scene.of_deciders(steps);
        if let Some(Slot { of, .. }) = scene.slot {
            steps.push(Step::Steal { of });
        }
        if scene.now < TICKS {
            steps.push(Step::Tick);
        }
        if !scene.crashed {
            steps.push(Step::Crash);
        }
    }

    fn next_state(&self, moment: &Moment, step: Step) -> Option<Moment> {
        let mut next = moment.clone();
        next.steps.push(step);
        let expected = next.scene.take(step);
        let answer = Real::after(&next.steps);
        if answer != expected && next.scene.differs.is_none() {
            next.scene.differs = Some((expected, answer));
        }
        if let (Step::Spend { of, .. } | Step::Steal { of }, Answer::Yes) = (step, answer) {
            next.scene.stories[usize::from(of)].effects += 1;
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("the queue does what is drawn", |_, moment: &Moment| moment.scene.differs.is_none()),
            Property::always("at most one effect for an approval", |_, moment: &Moment| {
                moment.scene.stories.iter().all(|story| story.effects <= 1)
            }),
            Property::always("no effect without a recorded yes, and none after a no", |_, moment: &Moment| {
                moment.scene.stories.iter().all(|story| story.effects <= story.yes && story.effects + story.no <= 1)
            }),
            Property::always("one decision stands", |_, moment: &Moment| {
                moment.scene.stories.iter().all(|story| story.yes + story.no <= 1)
            }),
            Property::always("exactly one end", |_, Moment { scene, .. }: &Moment| {
                scene.asked().zip(&scene.stories).all(|(of, story)| {
                    let live = scene
                        .slot
                        .is_some_and(|slot| slot.of == of && !matches!(slot.phase, Phase::Denied | Phase::Expired));
                    story.ends.len() == usize::from(!live)
                })
            }),
            Property::sometimes("a yes is spent", |_, moment: &Moment| {
                moment.scene.some_story(|story| story.effects == 1 && story.ends == [End::Spent])
            }),
            Property::sometimes("a no ends it", |_, moment: &Moment| {
                moment.scene.some_story(|story| story.ends == [End::Denied])
            }),
            Property::sometimes("nobody answers", |_, moment: &Moment| {
                moment.scene.some_story(|story| story.yes + story.no == 0 && story.ends == [End::Expired])
            }),
            Property::sometimes("a yes comes too late for its call", |_, moment: &Moment| {
                moment.scene.some_story(|story| story.yes == 1 && story.ends == [End::Expired])
            }),
            Property::sometimes("the call is cancelled while a yes is recorded", |_, moment: &Moment| {
                moment.scene.some_story(|story| story.yes == 1 && story.ends == [End::Withdrawn])
            }),
            Property::sometimes("a yes dies with the process", |_, moment: &Moment| {
                moment.scene.some_story(|story| story.yes == 1 && story.ends == [End::Lost])
            }),
            Property::sometimes("a question that could not be recorded is not shown", |_, moment: &Moment| {
                moment.scene.some_story(|story| story.ends == [End::Unrecorded])
            }),
        ]
    }
}
