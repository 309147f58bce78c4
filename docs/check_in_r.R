# Does R agree? Adjacent-category Bradley–Terry with ties, degrees and sides, fitted by glm as a log-linear model.
#
#     python -m analysis ranking ratings.csv -o ranking.csv
#     Rscript docs/check_in_r.R ratings.csv ranking.csv
#
# Base R only. Prints both columns of strengths and the effect of the side, and fails where they differ by 1e-5. Where
# the ranking has no effect of the side (--no-side, or sides never swapped), neither has the model here.

paths <- commandArgs(trailingOnly = TRUE)
ratings <- read.csv(paths[1], stringsAsFactors = FALSE)
ours <- read.csv(paths[2], stringsAsFactors = FALSE)
ratings <- ratings[ratings$kind == "test" & toupper(ratings$simulated) != "TRUE", ]

fit_question <- function(asked, sided) {
  systems <- sort(unique(c(asked$system_1, asked$system_2)))
  side <- if (sided) ifelse(asked$system_left == asked$system_1, 1, -1) else rep(0, nrow(asked))
  # One cell for each pair, order of sides and answer, empty ones too.
  cells <- expand.grid(
    combination = unique(paste(asked$system_1, asked$system_2, side, sep = "|")),
    score = sort(unique(c(asked$score, -asked$score)))
  )
  seen <- table(paste(asked$system_1, asked$system_2, side, asked$score, sep = "|"))
  cells$count <- as.numeric(seen[paste(cells$combination, cells$score, sep = "|")])
  cells$count[is.na(cells$count)] <- 0
  parts <- do.call(rbind, strsplit(as.character(cells$combination), "|", fixed = TRUE))
  k <- cells$score / (max(cells$score) - min(cells$score))
  # The last system is the reference; its column is left out.
  asks <- sapply(systems[-length(systems)], function(name) k * ((parts[, 1] == name) - (parts[, 2] == name)))
  degree <- factor(abs(cells$score), levels = rev(sort(unique(abs(cells$score)))))
  columns <- if (sided) cbind(asks, side = k * as.numeric(parts[, 3])) else asks
  fitted <- glm(cells$count ~ cells$combination + degree + columns, family = poisson,
                control = glm.control(epsilon = 1e-14, maxit = 100))
  values <- coef(fitted)[grep("^columns", names(coef(fitted)))]
  strengths <- c(values[seq_len(length(systems) - 1)], 0)
  names(strengths) <- systems
  list(strengths = strengths - mean(strengths), left = if (sided) unname(tail(values, 1)) else NA)
}

worst <- 0
for (question in unique(ours$question)) {
  mine <- ours[ours$question == question, ]
  theirs <- fit_question(ratings[ratings$question == question, ], sided = !is.na(mine$left[1]))
  cat(sprintf("%-20s %-24s %12s %12s\n", question, "system", "Duet", "R"))
  for (row in seq_len(nrow(mine))) {
    cat(sprintf("%-20s %-24s %12.8f %12.8f\n", "", mine$system[row], mine$value[row], theirs$strengths[mine$system[row]]))
  }
  cat(sprintf("%-20s %-24s %12.8f %12.8f\n", "", "(left)", mine$left[1], theirs$left))
  worst <- max(worst, abs(mine$value - theirs$strengths[mine$system]), abs(mine$left[1] - theirs$left), na.rm = TRUE)
}
cat(sprintf("largest difference: %.2e\n", worst))
if (worst > 1e-5) quit(status = 1)
