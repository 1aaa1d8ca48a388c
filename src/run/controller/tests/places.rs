//! The controller against several simulated places, which are lost and come back as a script says.

use super::*;
use crate::engine::Up;
use crate::run::queue::filled;

/// A run at several places.
#[derive(Clone, Debug)]
struct Tour {
    jobs: u64,
    tries: Option<u32>,
    places: Vec<Site>,
    /// What happens, round and round.
    deeds: Vec<(usize, Deed)>,
}

#[derive(Clone, Debug)]
struct Site {
    slots: usize,
    is_up: bool,
    /// Whether it is never lost.
    is_steady: bool,
    /// Of so many jobs, one fails here.
    fails: u64,
    /// Whether a gate says no, turn by turn and round and round.
    held_back: Vec<bool>,
}

/// What happens at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    /// One of the attempts that run ends.
    End(usize),
    /// The place is lost.
    Lose,
    /// It is there again, or for the first time.
    Raise,
}

/// A place as it is.
#[derive(Debug, Default)]
struct Ground {
    is_up: bool,
    /// Those in the first slots run, the others wait.
    attempts: VecDeque<Attempt>,
    stop_on_failure: bool,
    stopped: bool,
    stops: u64,
    killed: Option<KilledBy>,
    /// How many attempts it got.
    got: usize,
}

/// All places, and what was seen there.
struct World {
    tour: Tour,
    mailbox: Mailbox<Message>,
    state: Mutex<Seas>,
    changed: Condvar,
}

#[derive(Default)]
struct Seas {
    grounds: Vec<Ground>,
    seen: Vec<Seen>,
    /// Where each job has failed.
    failures: BTreeMap<u64, Vec<usize>>,
    over: bool,
}

/// The way to one of the places.
struct Ferry {
    world: Arc<World>,
    id: usize,
}

impl Engine for Ferry {
    fn run(&self, attempts: Vec<Attempt>) {
        let mut state = self.world.state.lock().unwrap();
        assert!(!attempts.is_empty());
        for attempt in attempts {
            self.world.check_choice(&state, self.id, &attempt);
            let (seq, number) = (attempt.seq(), attempt.number);
            state.seen.push(Seen::HandedOver { seq, number });
            state.grounds[self.id].attempts.push_back(attempt);
            state.grounds[self.id].got += 1;
        }
        let ground = &state.grounds[self.id];
        if ground.stopped || !ground.is_up {
            self.world.give_back(&mut state, self.id, 0);
        }
        self.world.changed.notify_all();
    }

    fn order(&self, order: Order) {
        let mut state = self.world.state.lock().unwrap();
        let ground = &mut state.grounds[self.id];
        match order {
            Order::Recall => {
                let slots = self.world.tour.places[self.id].slots;
                self.world.give_back(&mut state, self.id, slots);
            }
            Order::StopOn(stop_on) => ground.stop_on_failure = stop_on == StopOn::Failure,
            Order::GoOn(seen) => ground.stopped &= seen != ground.stops,
            Order::End(Which::All, by) => ground.killed = Some(by),
            Order::List => self.world.tell(self.id, Update::Running(Vec::new())),
            _ => {}
        }
    }
}

impl World {
    fn tell(&self, id: usize, update: Update) {
        let message = Message::Engine(PlaceId(id), update);
        self.mailbox.post([message], Urgency::Now);
    }

    /// A job is never tried where it has failed more often than at a place that is always there.
    fn check_choice(&self, state: &Seas, id: usize, attempt: &Attempt) {
        let Some(failures) = state.failures.get(&attempt.seq()) else {
            return;
        };
        let failures = |id: usize| failures.iter().filter(|it| **it == id).count();
        for (other, site) in self.tour.places.iter().enumerate() {
            let is_there = site.is_steady && site.is_up;
            assert!(!is_there || failures(id) <= failures(other), "{id} {other}");
        }
    }

    /// Place `id` gives back all but the first `running` of its attempts.
    fn give_back(&self, state: &mut Seas, id: usize, running: usize) {
        let attempts = &mut state.grounds[id].attempts;
        let returned: Vec<_> = attempts.split_off(running.min(attempts.len())).into();
        for attempt in &returned {
            let (seq, number) = (attempt.seq(), attempt.number);
            state.seen.push(Seen::Returned { seq, number });
        }
        if !returned.is_empty() {
            self.tell(id, Update::Returned(returned));
        }
    }

    /// Does as the tour says, until the controller has left.
    fn act(&self) {
        for &(id, deed) in self.tour.deeds.iter().cycle() {
            let mut state = self.state.lock().unwrap();
            let waits = |state: &mut Seas| {
                let is_idle = state.grounds.iter().all(|it| it.attempts.is_empty());
                let all_were_up = state.grounds.iter().all(|it| it.is_up);
                !state.over && is_idle && all_were_up
            };
            state = self.changed.wait_while(state, waits).unwrap();
            if state.over {
                return;
            }
            match deed {
                Deed::End(which) => self.end_one(&mut state, id, which),
                Deed::Lose if !self.tour.places[id].is_steady => self.lose(&mut state, id),
                Deed::Raise if !state.grounds[id].is_up => {
                    state.grounds[id].is_up = true;
                    let slots = self.tour.places[id].slots;
                    self.tell(id, Update::Up(Up::slots(slots)));
                }
                _ => {}
            }
        }
    }

    fn end_one(&self, state: &mut Seas, id: usize, which: usize) {
        let (site, ground) = (&self.tour.places[id], &mut state.grounds[id]);
        let running = ground.attempts.len().min(site.slots);
        if running == 0 {
            return;
        }
        let attempt = ground.attempts.remove(which % running).unwrap();
        let fails = (attempt.seq() + id as u64).is_multiple_of(site.fails);
        let signal = Some(15);
        let outcome = match ground.killed {
            Some(by) => Outcome::Cancelled { by, signal },
            None => Outcome::Exited(i32::from(fails)),
        };
        let stops = !outcome.is_success() && ground.stop_on_failure;
        self.tell(id, Update::Ended(vec![unstarted(&attempt, outcome)]));
        if stops {
            ground.stopped = true;
            ground.stops += 1;
            self.give_back(state, id, site.slots - 1);
        }
        if fails {
            state.failures.entry(attempt.seq()).or_default().push(id);
        }
    }

    /// What runs at place `id` is lost, what waits there comes back, and the place is gone.
    fn lose(&self, state: &mut Seas, id: usize) {
        if !std::mem::take(&mut state.grounds[id].is_up) {
            return;
        }
        self.give_back(state, id, self.tour.places[id].slots);
        for attempt in std::mem::take(&mut state.grounds[id].attempts) {
            state.failures.entry(attempt.seq()).or_default().push(id);
            let lost = unstarted(&attempt, Outcome::Lost(None));
            self.tell(id, Update::Ended(vec![lost]));
            let ground = &mut state.grounds[id];
            ground.stopped |= ground.stop_on_failure;
            ground.stops += u64::from(ground.stop_on_failure);
        }
        self.tell(id, Update::Down("the cable was cut".to_owned()));
    }
}

/// Writes down what happens.
struct Writer(Arc<World>);

impl Observer for Writer {
    fn observe(&mut self, events: Vec<Event>) {
        let mut state = self.0.state.lock().unwrap();
        state.seen.extend(events.into_iter().map(Seen::Event));
    }

    fn is_behind(&self) -> bool {
        false
    }
}

/// Goes on `tour`; returns what was seen, how many attempts each place got, and the exit code.
fn go_on(tour: &Tour) -> (Vec<Seen>, Vec<usize>, ExitCode) {
    let ground = |site: &Site| Ground {
        is_up: site.is_up,
        ..Ground::default()
    };
    let grounds = tour.places.iter().map(ground).collect();
    let world = Arc::new(World {
        tour: tour.clone(),
        mailbox: Mailbox::new(Duration::ZERO),
        state: Mutex::new(Seas {
            grounds,
            ..Seas::default()
        }),
        changed: Condvar::new(),
    });
    let ferry = |id| Ferry {
        world: Arc::clone(&world),
        id,
    };
    let ferries: Vec<_> = (0..tour.places.len()).map(ferry).collect();
    let places = ferries.iter().zip(&tour.places).map(place).collect();
    let for_actor = Arc::clone(&world);
    let actor = thread::spawn(move || for_actor.act());
    let done = give_up_in_time(tour.clone());
    let job = |seq| {
        Work::of(Job {
            seq,
            args: ArgList::new(),
            after_all: false,
            bound: None,
        })
    };
    let parties = Parties {
        places,
        queue: filled((1..=tour.jobs).map(|seq| Ok::<_, String>(job(seq)))),
        mailbox: &world.mailbox,
        record: None,
        observer: &mut Writer(Arc::clone(&world)),
    };
    let exit_code = run(config(tour.tries), parties);
    drop(done);
    world.state.lock().unwrap().over = true;
    world.changed.notify_all();
    actor.join().unwrap();
    let state = std::mem::take(&mut *world.state.lock().unwrap());
    let held = state.grounds.iter().map(|ground| ground.attempts.len());
    assert_eq!(held.sum::<usize>(), 0, "attempts are left");
    let got = state.grounds.iter().map(|ground| ground.got).collect();
    (state.seen, got, exit_code)
}

fn place<'a>((ferry, site): (&'a Ferry, &Site)) -> PlaceConfig<'a> {
    let moody = Moody {
        moods: site.held_back.clone(),
        turn: 0,
        sees_each_start: site.held_back.len() % 2 == 0,
    };
    let gates: Vec<Box<dyn Gate>> = if site.held_back.is_empty() {
        Vec::new()
    } else {
        vec![Box::new(moody)]
    };
    PlaceConfig {
        name: format!("place {}", ferry.id),
        engine: ferry,
        slots: SlotCount::Fixed(site.slots),
        most_slots: usize::MAX,
        gates: Gates::new(gates),
        round_trip: Duration::ZERO,
        is_up: site.is_up,
    }
}

/// Every job has one end, whatever becomes of the places; and all are done, if one is always there.
fn check(tour: &Tour, seen: &[Seen], exit_code: ExitCode) {
    check_frame(seen, exit_code);
    let (careers, _) = careers(seen);
    for (seq, career) in &careers {
        assert_eq!(career.finished.len(), 1, "{seq} {career:?}");
        let tries = tour.tries.unwrap_or(u32::MAX) as usize;
        assert!(career.submitted.len() <= tries, "{seq} {career:?}");
        let tries_in_order = career.submitted.iter().copied();
        assert!(tries_in_order.eq(1..=career.submitted.len() as u32));
    }
    let is_always_one_there = tour.places.iter().any(|it| it.is_up && it.is_steady);
    let all = careers.len() as u64 == tour.jobs;
    assert!(all || !is_always_one_there, "only {} jobs", careers.len());
    let is_stranded = has_notice(seen, "no host is left");
    assert_eq!(is_stranded, exit_code == ExitCode::Error);
    assert!(!(is_stranded && is_always_one_there));
}

prop_compose! {
    fn site()(
        slots in 1_usize..4,
        is_up in proptest::bool::weighted(0.8),
        is_steady in any::<bool>(),
        fails in 2_u64..6,
        held_back in prop_oneof![3 => Just(Vec::new()), 1 => vec(any::<bool>(), 1..4)],
    ) -> Site {
        Site { slots, is_up, is_steady, fails, held_back }
    }
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        8 => (0_usize..4).prop_map(Deed::End),
        1 => Just(Deed::Lose),
        1 => Just(Deed::Raise),
    ]
}

prop_compose! {
    fn tour()(places in vec(site(), 1..5))(
        jobs in 0_u64..40,
        tries in prop_oneof![Just(Some(1)), Just(Some(3))],
        mut deeds in vec((0..places.len(), deed()), 1..20),
        places in Just(places),
    ) -> Tour {
        // Sooner or later each place is there, and its attempts end.
        for id in 0..places.len() {
            deeds.extend([(id, Deed::Raise), (id, Deed::End(0))]);
        }
        Tour { jobs, tries, places, deeds }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 500,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_job_has_one_end_whatever_becomes_of_the_places(tour in tour()) {
        let (seen, _, exit_code) = go_on(&tour);
        check(&tour, &seen, exit_code);
    }
}

fn steady(slots: usize) -> Site {
    Site {
        slots,
        is_up: true,
        is_steady: true,
        fails: u64::MAX,
        held_back: Vec::new(),
    }
}

#[test]
fn a_place_that_comes_late_gets_what_a_busy_one_holds_ahead() {
    let late = Site {
        is_up: false,
        ..steady(1)
    };
    let tour = Tour {
        jobs: 20,
        tries: Some(1),
        places: vec![steady(1), late],
        // The busy place ends one attempt, and is known to be quick; the next ends only after others.
        deeds: [(0, Deed::End(0)), (1, Deed::Raise)]
            .into_iter()
            .chain((0..30).map(|_| (1, Deed::End(0))))
            .collect(),
    };
    let (seen, got, exit_code) = go_on(&tour);
    check(&tour, &seen, exit_code);
    assert!(got[1] > 0, "{got:?}");
}

#[test]
fn where_all_have_failed_a_job_is_tried_again_all_the_same() {
    let failing = Site {
        fails: 1,
        ..steady(1)
    };
    let tour = Tour {
        jobs: 3,
        tries: Some(4),
        places: vec![failing.clone(), failing],
        deeds: vec![(0, Deed::End(0)), (1, Deed::End(0))],
    };
    let (seen, _, exit_code) = go_on(&tour);
    check(&tour, &seen, exit_code);
    let (careers, outcomes) = careers(&seen);
    assert!(careers.values().all(|it| it.submitted == [1, 2, 3, 4]));
    assert_eq!(outcomes, vec![Outcome::Exited(1); 3]);
}

#[test]
fn without_any_place_a_run_ends_with_an_error() {
    let tour = Tour {
        jobs: 3,
        tries: Some(2),
        places: vec![Site {
            is_steady: false,
            ..steady(1)
        }],
        deeds: vec![(0, Deed::Lose)],
    };
    let (seen, _, exit_code) = go_on(&tour);
    check(&tour, &seen, exit_code);
    assert_eq!(exit_code, ExitCode::Error);
    assert!(has_notice(&seen, "place 0 is left out: the cable was cut"));
}
