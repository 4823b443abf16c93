"""The words of metric names that frameworks log, by what they say of the number."""

SETS = frozenset(
    "val valid validation validate test testing eval evaluation evaluate dev holdout heldout oof "
    "oos cv fold".split()
)
"""Data that the model did not see."""
TRAINING = frozenset("train training learn".split())
"""Data that the model learnt from (`learn` is CatBoost's word)."""
PLACES = (
    SETS
    | TRAINING
    | frozenset(
        "mean avg average best final last overall global total metric metrics score macro micro "
        "weighted samples binary multi multiclass multilabel multioutput categorical class label "
        "regression classification ema top in sample split dataset data dataloader idx epoch step "
        "v1 v2 at k ovr ovo sklearn b m unknown".split()
    )
)
"""Words that say where and how a number was taken, in front of its kind or behind it."""

SCORES = frozenset(
    "accuracy acc f1 fbeta precision recall auc roc_auc auroc pr_auc prauc aucpr auprc auc_mu "
    "roc_auc_ovr roc_auc_ovo precision_recall_auc average_precision ap balanced_accuracy "
    "balanced_acc top_k_accuracy sparse_categorical_accuracy categorical_accuracy binary_accuracy "
    "top_k_categorical_accuracy sparse_top_k_categorical_accuracy subset_accuracy hit_rate hits "
    "jaccard jaccard_index iou miou io_u dice dice_coefficient dice_coef sensitivity specificity "
    "ndcg mrr reciprocal_rank map true_positive_rate tpr true_negative_rate tnr ppv npv "
    "concordance_index c_index v_measure homogeneity completeness fowlkes_mallows "
    "normalized_mutual_info interval_regression_accuracy sensitivity_at_specificity "
    "specificity_at_sensitivity precision_at_recall recall_at_precision one_hot_io_u "
    "one_hot_mean_io_u log_auc negative_predictive_value positive_predictive_value "
    "critical_success_index".split()
)
COEFFICIENTS = frozenset(
    "r2 rsquared r_squared rsquared_adj adjusted_r2 r2_adj prsquared mcc matthews_corrcoef "
    "matthews_corr_coef matthews_correlation matthews_correlation_coefficient kappa cohen_kappa "
    "quadratic_weighted_kappa explained_variance pearson pearsonr pearson_corr pearson_corrcoef "
    "spearman spearmanr spearman_corr spearman_corrcoef kendalltau silhouette adjusted_rand "
    "adjusted_rand_index adjusted_mutual_info normalized_gini d2_absolute_error d2_pinball "
    "d2_tweedie d2_log_loss d2_brier ssim cosine_similarity pearson_correlation "
    "pearson_corr_coef spearman_correlation spearman_corr_coef concordance_correlation "
    "concordance_corr_coef kendall_rank_corr_coef".split()
)
RATES = frozenset(
    "error_rate false_positive_rate fpr false_negative_rate fnr false_discovery_rate "
    "equal_error_rate eer toxicity toxicity_ratio hamming_loss hamming_distance zero_one_loss "
    "calibration_error expected_calibration_error".split()
)
LOSSES = frozenset(
    "loss log_loss logloss binary_logloss multi_logloss mlogloss cross_entropy crossentropy "
    "cross_entropy_lambda xentropy binary_crossentropy categorical_crossentropy "
    "sparse_categorical_crossentropy brier brier_loss mae mse rmse mape smape wape wmape mdape "
    "mase msle rmsle mphe nrmse mae_loss mse_loss rmse_loss l1 l2 l1_loss l2_loss "
    "mean_absolute_error "
    "mean_squared_error root_mean_squared_error mean_absolute_percentage_error "
    "symmetric_mean_absolute_percentage_error mean_squared_logarithmic_error "
    "mean_squared_log_error "
    "root_mean_squared_logarithmic_error root_mean_squared_log_error median_absolute_error "
    "median_absolute_percentage_error mean_poisson_deviance mean_gamma_deviance "
    "mean_tweedie_deviance mean_pinball_loss pinball_loss pinball quantile quantile_loss max_error "
    "absolute_error squared_error root_squared_error error merror multi_error binary_error wer cer "
    "word_error_rate char_error_rate hinge hinge_loss squared_hinge categorical_hinge huber "
    "huber_loss smooth_l1_loss logcosh log_cosh log_cosh_error gamma_deviance tweedie_deviance "
    "relative_squared_error normalized_root_mean_squared_error kl_divergence kldiv "
    "kullback_leibler kullback_leibler_divergence focal_loss dice_loss contrastive_loss "
    "triplet_loss nll nll_loss bce bce_loss ce_loss box_loss cls_loss dfl_loss obj_loss seg_loss "
    "kl_loss recon_loss reconstruction_loss ctc_loss mlm_loss mse_resid ssr crps".split()
)
DOWN = frozenset(
    "aic aicc bic fid davies_bouldin nloglik poisson_nloglik gamma_nloglik cox_nloglik aft_nloglik "
    "tweedie_nloglik bits_per_byte poisson".split()
)
"""Better when smaller; nothing says what the best value is (Keras' and LightGBM's `poisson` is a
negative log-likelihood without its constant, and may lie under 0)."""
UP = frozenset(
    "llf log_likelihood loglik elbo psnr rouge1 rouge2 rougel rougelsum rouge bleu sacrebleu "
    "meteor "
    "bertscore chrf exact_match calinski_harabasz answer_similarity answer_correctness "
    "answer_relevance faithfulness relevance groundedness".split()
)
"""Better when greater; their scale is the framework's (ROUGE and BLEU go to 1 or to 100)."""
