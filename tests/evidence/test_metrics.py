from __future__ import annotations

from decimal import Decimal

import pytest

from policy_engine.evidence.metrics import known, of_training_rows


@pytest.mark.parametrize(
    "name",
    ["accuracy", "val_f1", "test/f1_score", "eval.roc_auc", "F1", "mean_average_precision"],
)
def test_a_score_is_better_when_greater_and_lies_between_0_and_1(name: str) -> None:
    kind = known(name)
    assert kind is not None
    assert (kind.goal, kind.bounded) == ("maximize", True)
    assert (kind.point, kind.perfect) == (Decimal("0.01"), Decimal(1))


@pytest.mark.parametrize("name", ["r2", "r2_score", "val_mcc", "cohen_kappa"])
def test_a_coefficient_ends_at_1_and_may_be_negative(name: str) -> None:
    kind = known(name)
    assert kind is not None
    assert (kind.goal, kind.bounded) == ("maximize", False)
    assert (kind.point, kind.perfect) == (Decimal("0.01"), Decimal(1))


@pytest.mark.parametrize("name", ["loss", "val_loss", "rmse", "mean_absolute_error", "log_loss"])
def test_a_loss_is_better_when_smaller_and_has_no_point_of_its_own(name: str) -> None:
    kind = known(name)
    assert kind is not None
    assert (kind.goal, kind.bounded) == ("minimize", False)
    assert (kind.point, kind.perfect) == (None, Decimal(0))


@pytest.mark.parametrize("name", ["", "score", "val", "profit", "f1_loss", "accuracy_percent"])
def test_of_any_other_name_nothing_is_known(name: str) -> None:
    assert known(name) is None


SCORES = {
    "scikit-learn": "accuracy_score_X_test accuracy_score-2_X_test roc_auc_score_unknown_dataset "
    "f1_macro roc_auc_ovr_weighted top_k_accuracy training_precision_score jaccard_weighted",
    "XGBoost": "validation_0-auc validation_1-aucpr validation_0-ndcg validation_0-map "
    "eval-auc-mean",
    "LightGBM": "valid_0-auc valid_0-average_precision valid_0-ndcg_at_5 valid_0-auc_mu",
    "CatBoost": "validation_AUC validation_BalancedAccuracy validation_PRAUC learn_F1 TotalF1",
    "Keras": "val_sparse_categorical_accuracy val_auc_1 precision_2 "
    "sparse_top_k_categorical_accuracy validation_binary_accuracy mean_io_u val_one_hot_mean_io_u "
    "validation_one_hot_io_u val_binary_io_u val_sensitivity_at_specificity val_fbeta_score",
    "Lightning": "test_accuracy_epoch val_acc/dataloader_idx_0 BinaryF1Score MulticlassAUROC "
    "val/f1_epoch MulticlassJaccardIndex val/BinaryLogAUC test/MulticlassNegativePredictiveValue "
    "val/BinarySpecificity",
    "transformers": "eval_accuracy eval_f1 eval_recall",
    "Ultralytics": "metrics/mAP50B metrics/mAP50-95B metrics/precisionB",
    "MLflow": "accuracy_score precision_recall_auc class_0/recall precision_at_3/mean "
    "ndcg_at_3/mean",
}
COEFFICIENTS = {
    "scikit-learn": "training_r2_score r2_score_X_test matthews_corrcoef explained_variance",
    "CatBoost": "validation_MCC validation_Kappa R2",
    "Keras": "val_r2_score val_cosine_similarity val_pearson_correlation "
    "validation_concordance_correlation",
    "Lightning": "BinaryMatthewsCorrCoef val_cohen_kappa val/PearsonCorrCoef "
    "test/SpearmanCorrCoef val/KendallRankCorrCoef test/ConcordanceCorrCoef",
    "transformers": "eval_matthews_correlation eval_pearson eval_spearmanr",
    "statsmodels": "rsquared rsquared_adj",
}
LOSSES = {
    "scikit-learn": "training_log_loss mean_squared_error_X_val_scaled median_absolute_error "
    "mean_pinball_loss",
    "XGBoost": "validation_0-logloss eval-mlogloss eval-merror validation_0-rmse test-error_0.7",
    "LightGBM": "valid_0-binary_logloss valid_0-l1 valid_1-l2 valid_0-huber valid_0-quantile "
    "valid_0-multi_error valid_0-cross_entropy",
    "CatBoost": "validation_Logloss validation-RMSE CrossEntropy MedianAbsoluteError",
    "Keras": "val_loss val_mean_absolute_percentage_error sparse_categorical_crossentropy "
    "val_kl_divergence val_logcosh",
    "Lightning": "val/loss_epoch train_loss_step MeanSquaredError val/LogCoshError "
    "test/NormalizedRootMeanSquaredError val/RelativeSquaredError test/TweedieDevianceScore",
    "transformers": "eval_loss train_loss eval_wer",
    "Ultralytics": "val/box_loss train/cls_loss",
    "statsmodels": "mse_resid ssr",
    "Prophet": "mape mdape smape rmse",
    "MLflow": "root_mean_squared_error max_error mean_absolute_percentage_error",
}


def names(by_framework: dict[str, str]) -> list[str]:
    return [name for listed in by_framework.values() for name in listed.split()]


@pytest.mark.parametrize("name", names(SCORES))
def test_a_score_is_known_by_the_name_that_a_framework_logs(name: str) -> None:
    kind = known(name)
    assert kind is not None
    assert (kind.goal, kind.bounded) == ("maximize", True)
    assert (kind.point, kind.perfect) == (Decimal("0.01"), Decimal(1))


@pytest.mark.parametrize("name", names(COEFFICIENTS))
def test_a_coefficient_is_known_by_the_name_that_a_framework_logs(name: str) -> None:
    kind = known(name)
    assert kind is not None
    assert (kind.goal, kind.bounded) == ("maximize", False)
    assert (kind.point, kind.perfect) == (Decimal("0.01"), Decimal(1))


@pytest.mark.parametrize("name", names(LOSSES))
def test_a_loss_is_known_by_the_name_that_a_framework_logs(name: str) -> None:
    kind = known(name)
    assert kind is not None
    assert (kind.goal, kind.bounded) == ("minimize", False)
    assert (kind.point, kind.perfect) == (None, Decimal(0))


@pytest.mark.parametrize(
    "name",
    [
        "false_positive_rate",
        "test_error_rate",
        "hamming_loss",
        "toxicity/v1/mean",
        "val/MulticlassHammingDistance",
        "test/BinaryCalibrationError",
        "val/BinaryEER",
    ],
)
def test_a_rate_of_errors_is_better_when_smaller_and_lies_between_0_and_1(name: str) -> None:
    kind = known(name)
    assert kind is not None
    assert (kind.goal, kind.bounded) == ("minimize", True)
    assert (kind.point, kind.perfect) == (Decimal("0.01"), Decimal(0))


@pytest.mark.parametrize(
    ("name", "goal"),
    [
        ("aic", "minimize"),
        ("bic", "minimize"),
        ("validation_0-poisson-nloglik", "minimize"),
        ("valid_0-poisson", "minimize"),
        ("val_poisson", "minimize"),
        ("llf", "maximize"),
        ("eval_rouge1", "maximize"),
        ("rouge1/v1/mean", "maximize"),
        ("eval_exact_match", "maximize"),
    ],
)
def test_of_some_only_the_direction_is_known(name: str, goal: str) -> None:
    kind = known(name)
    assert kind is not None
    assert (kind.goal, kind.bounded, kind.point, kind.perfect) == (goal, False, None, None)


@pytest.mark.parametrize("name", ["neg_mean_squared_error", "mean_test_neg_log_loss"])
def test_a_loss_with_its_sign_turned_is_better_when_greater_and_ends_at_0(name: str) -> None:
    kind = known(name)
    assert kind is not None
    assert (kind.goal, kind.bounded) == ("maximize", False)
    assert (kind.point, kind.perfect) == (None, Decimal(0))


@pytest.mark.parametrize(
    "name",
    [
        "train-auc-std",
        "toxicity/v1/variance",
        "eval_runtime",
        "best_cv_score",
        "f_pvalue",
        "coverage",
        "example_count",
        "sum_on_target",
        "accuracy_drop",
        "loss_ratio",
        "recall_error",
        "neg_accuracy",
        "system/cpu_utilization_percentage",
    ],
)
def test_a_name_with_a_word_that_is_no_part_of_a_metrics_name_is_unknown(name: str) -> None:
    assert known(name) is None


@pytest.mark.parametrize(
    "name",
    [
        "training_accuracy",
        "training_accuracy_score",
        "training_score",
        "train_f1",
        "train/loss_epoch",
        "learn_Logloss",
        "accuracy_score_X_train",
        "accuracy_score_Xtrain",
        "RandomForestClassifier_score_X_train",
    ],
)
def test_a_metric_of_the_rows_that_training_saw_is_known_by_its_name(name: str) -> None:
    assert of_training_rows(name)


@pytest.mark.parametrize(
    "name", ["val_accuracy", "accuracy", "accuracy_score_X_test", "training_time", "train_runtime"]
)
def test_any_other_metric_is_none_of_the_rows_that_training_saw(name: str) -> None:
    assert not of_training_rows(name)


@pytest.mark.parametrize(
    ("name", "bounded", "point"),
    [
        ("RandomForestClassifier_score_Xv", True, "0.01"),
        ("LogisticRegression_score-2_X_test", True, "0.01"),
        ("RandomForestRegressor_score_X_test", False, "0.01"),
        ("accuracy_score_Xv", True, "0.01"),
        ("Pipeline_score_X_test", False, None),
        ("GridSearchCV_score_X_test", False, None),
    ],
)
def test_what_autologging_calls_a_score_is_better_when_greater(
    name: str, bounded: bool, point: str | None
) -> None:
    kind = known(name)
    assert kind is not None
    assert (kind.goal, kind.bounded) == ("maximize", bounded)
    assert kind.point == (None if point is None else Decimal(point))
    assert not of_training_rows(name)


@pytest.mark.parametrize("name", ["Brier_score_skill", "Skill_score_X_test", "xgb_score"])
def test_a_score_of_no_estimator_is_not_taken_for_one(name: str) -> None:
    assert known(name) is None


def test_a_word_of_place_that_is_part_of_the_name_is_read_with_it() -> None:
    kind = known("mean_squared_error")
    assert kind is not None
    assert kind.goal == "minimize"
