# The rows.csv of fresh, unseen and peer-200 as one table: the mean over families and training seeds (least and largest seed), in bold the difference to the
# whole recipe, sorted by it on unseen families.
function short(format, x) {
  x = sprintf(format, x)
  sub(/^-0\./, "-.", x); sub(/^\+0\./, "+.", x)
  return x
}
BEGIN { FS = ","; print "| recipe | fresh | unseen families | peer-200 |\n|---|---|---|---|" }
FNR == 1 { suite++; for (i = 1; i <= NF; i++) column[$i] = i; next }
{
  method = $column["method"]; family = $column["family"]
  sum[suite, method, family] += $column["score"]; count[suite, method, family]++
  methods[method]; families[suite, family]
}
END {
  for (method in methods) {
    recipe = method
    if (recipe ~ /runs\//) { sub(/-[0-9]+$/, "", recipe); sub(/runs\/.*\//, "", recipe) } # blind:runs/.../whole-0 becomes blind:whole
    recipes[recipe]
    for (s = 1; s <= suite; s++) {
      total = k = 0
      for (key in families) { split(key, part, SUBSEP); if (part[1] == s) { total += sum[s, method, part[2]] / count[s, method, part[2]]; k++ } }
      score = total / k
      if (!seeds[recipe, s]++) least[recipe, s] = largest[recipe, s] = score
      if (score < least[recipe, s]) least[recipe, s] = score
      if (score > largest[recipe, s]) largest[recipe, s] = score
      mean[recipe, s] += score
    }
  }
  for (recipe in recipes) {
    row = "| " recipe
    for (s = 1; s <= suite; s++) {
      score = mean[recipe, s] / seeds[recipe, s]
      row = row " | " short("%.2f", score)
      if (seeds[recipe, s] > 1) row = row " (" short("%.2f", least[recipe, s]) " to " short("%.2f", largest[recipe, s]) ")"
      row = row " **" short("%+.2f", score - mean["whole", s] / seeds["whole", s]) "**"
    }
    printf "%.6f\t%s |\n", mean[recipe, 2] / seeds[recipe, 2], row | "sort -n | cut -f2-"
  }
}
