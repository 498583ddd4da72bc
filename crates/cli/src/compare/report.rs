//! The report: what a reader needs to believe the comparison, or not to.

use anyhow::Result;

use super::figures::Figures;
use super::harness::Comparison;
use super::method::Limits;
use super::output::unit;
use super::recipe::{Equal, Recipe};
use super::summary::{LEVEL, Summary};
use super::{table, training};
use crate::folder::Folder;
use crate::report::Document;

/// The most cases that get a table.
const MOST_CASES: usize = 400;

/// The date and the command, which differ between two runs of the same comparison.
pub struct Origin<'a> {
    /// When it was made, as people write it.
    pub date: &'a str,
    /// The words that made it.
    pub command: &'a str,
}

/// Writes report.html and report.md into the folder, and the plots that they show.
///
/// # Errors
/// When a file cannot be written.
pub fn write(
    comparison: &Comparison,
    summary: &Summary,
    recipe: &Recipe,
    origin: &Origin<'_>,
    folder: &Folder,
    plots: bool,
) -> Result<()> {
    let plan = &comparison.plan;
    let title = format!("Comparison on {}", plan.problems);
    let subtitle = format!("qstride {}, {}", super::PROGRAM_VERSION, origin.date);
    let mut document = Document::new(title, subtitle);
    let figures = plots.then(|| Figures::new(comparison, summary, folder.path()));

    let best_first = summary.best_first();

    let section = document.section("Result");
    section.paragraph(in_words(summary));
    section.table(table::overall(comparison, &best_first));
    if let Some(table) = table::beside_tuned_sgd(&best_first) {
        section.table(table);
    }
    if let Some(figures) = &figures {
        section.figure(figures.scores()?);
        section.figure(figures.values()?);
    }
    for method in &plan.methods {
        if let Some(note) = method.note() {
            section.note(format!("{}: {note}.", method.name));
        }
    }

    for method in &summary.methods {
        if let Some(note) = method
            .edge
            .as_ref()
            .and_then(|edge| edge.note(&method.method))
        {
            section.note(note);
        }
    }

    let section = document.section("Scores");
    section.paragraph(format!(
        "Score: {}. {}",
        table::score_in_words(plan),
        about_failures(comparison)
    ));
    section.table(table::scores(&best_first));
    let ratios = table::ratios(&best_first);
    for table in ratios.into_iter().chain(table::groups(&best_first)) {
        section.table(table);
    }
    if let Some(figure) = figures
        .as_ref()
        .map(Figures::families)
        .transpose()?
        .flatten()
    {
        section.figure(figure);
    }

    let section = document.section("Differences");
    section.paragraph(format!(
        "A difference below 0 says that the method is ahead of {}. Wins are shares of the cases, in pairs, equal ones half; \
         P(improvement) is the probability of being ahead on a case of the same family when cases are not paired. Intervals are at {:.0} %, \
         from {} resamples of the cases within families; p-values are two-sided.",
        summary.reference,
        100.0 * LEVEL,
        recipe.resamples
    ));
    section.table(table::against(&best_first));
    if let Some(table) = table::pairs(comparison, &best_first) {
        section.table(table);
        section.paragraph("Pairs were named before the results were known. The first interval resamples cases within tasks and says what holds on these; \
             the second one resamples tasks too and says what holds on tasks like these.");
    }
    match &summary.ranks {
        Some(ranks) => section.paragraph(format!(
            "Friedman's test over all methods and {} cases: chi-square {:.1}, p {}. Mean ranks further apart than {:.2} differ (Nemenyi).",
            ranks.cases,
            ranks.chi_square,
            if ranks.p_value < 1e-4 { "< 1e-4".to_owned() } else { format!("{:.4}", ranks.p_value) },
            ranks.critical_difference
        )),
        None => section.paragraph("Ranks take at least two methods and two cases."),
    };
    if let Some(figure) = figures.as_ref().map(Figures::ranks).transpose()?.flatten() {
        section.figure(figure);
    }

    let section = document.section("Costs");
    section.paragraph(format!(
        "Costs are in {}. 'With tuning' adds what the other rates of a grid cost; the costs of reaching a gap include it too: this is what \
         a method saves, or wastes, in all.",
        unit(comparison)
    ));
    section.table(table::costs(comparison, &best_first));
    if let Some(table) = table::chosen_rates(comparison) {
        section.table(table);
    }
    if let Some(figures) = &figures {
        for figure in figures.profiles()? {
            section.figure(figure);
        }
    }

    let section = document.section("Problems");
    if plan.cases.len() <= MOST_CASES {
        section.table(table::cases(comparison));
    } else {
        section.paragraph(format!(
            "The {} cases are too many for a table; rows.csv has them.",
            plan.cases.len()
        ));
    }
    if let Some(figures) = &figures {
        section.figures("The way down, problem by problem", figures.problems()?);
        if let Some(figure) = figures.rates()? {
            section.figure(figure);
        }
    }

    let section = document.section("How it was made");
    section.settings(settings(comparison, recipe));
    section.paragraph("The command, and the recipe (recipe.json), from which `qstride compare --recipe recipe.json` makes it again:");
    section.preformatted(origin.command);
    section.preformatted(recipe.text()?);
    section.paragraph("rows.csv and result.json have every run. What is counted, and how, stands in docs/protocol.md.");
    document.save(folder, "report")
}

/// Who is ahead of the reference, and who is not, by the corrected test.
fn in_words(summary: &Summary) -> String {
    if summary.methods.len() < 2 {
        return format!(
            "{} alone: there is nothing to compare it with.",
            summary.reference
        );
    }
    let mut ahead = Vec::new();
    let mut behind = Vec::new();
    let mut level = Vec::new();
    for method in &summary.methods {
        let Some(against) = &method.against else {
            continue;
        };
        let list = match against.difference.estimate {
            _ if against.holm_p_value > 1.0 - LEVEL => &mut level,
            d if d < 0.0 => &mut ahead,
            _ => &mut behind,
        };
        list.push(method.method.as_str());
    }
    let list = |names: Vec<&str>| match names.len() {
        0 => "none".to_owned(),
        _ => names.join(", "),
    };
    format!(
        "Beside {}, by Wilcoxon's test with Holm's correction at 5 %: ahead {}; behind {}; not told apart {}.",
        summary.reference,
        list(ahead),
        list(behind),
        list(level)
    )
}

fn about_failures(comparison: &Comparison) -> &'static str {
    if comparison.plan.training() {
        "A run that diverged (its final loss is not finite, or above the first one) scores 0, and in ranks and tests comes behind every run that did not."
    } else {
        "A run that met something not finite, or spent its budget without any progress, keeps the score of its best point, and in ranks and tests comes behind every run that did not fail."
    }
}

fn passes(limits: training::Limits) -> String {
    format!("{} passes, minibatches of {}", limits.epochs, limits.batch)
}

fn settings(comparison: &Comparison, recipe: &Recipe) -> Vec<(String, String)> {
    let plan = &comparison.plan;
    let join = |words: Vec<String>| words.join(", ");
    let mut settings = vec![
        ("problems".to_owned(), plan.problems.clone()),
        ("instances".to_owned(), plan.cases.len().to_string()),
        ("families".to_owned(), plan.families().join(", ")),
        (
            "seeds".to_owned(),
            join(plan.seeds().iter().map(ToString::to_string).collect()),
        ),
        (
            "start rates".to_owned(),
            join(plan.start_rates.iter().map(ToString::to_string).collect()),
        ),
    ];
    match plan.same_limits() {
        Some(Limits::Evaluations(budget)) => settings.push((
            "budget of a run".to_owned(),
            format!("{budget} values + gradients, the start included"),
        )),
        Some(Limits::Training(limits)) => {
            settings.push(("training".to_owned(), passes(limits)));
        }
        None => {
            for case in plan
                .cases
                .iter()
                .enumerate()
                .filter(|(_, c)| c.seed == plan.cases[0].seed)
            {
                if let Limits::Training(limits) = plan.limits[case.0] {
                    settings.push((format!("training of {}", case.1.name()), passes(limits)));
                }
            }
        }
    }
    if plan.training() {
        let equal = match recipe.equal {
            Equal::Passes => "passes over the data, whatever a step costs",
            Equal::Cost => "values + gradients of minibatches",
        };
        settings.push(("equal for all".to_owned(), equal.to_owned()));
    }
    if plan.methods.iter().any(|method| method.grid().is_some()) {
        let how = if plan.training() {
            "the rate with the least mean log loss over all seeds of a task, chosen on these very seeds, which flatters"
        } else {
            "the best rate of each instance, chosen on that instance: an oracle"
        };
        settings.push(("tuned methods".to_owned(), how.to_owned()));
    }
    settings.push(("resamples".to_owned(), recipe.resamples.to_string()));
    settings.push(("program".to_owned(), super::PROGRAM.to_owned()));
    settings
}
